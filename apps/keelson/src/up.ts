import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { errorMessage, jsonLogger, KeelsonError, SystemClock, type LogLevel } from '@keelson/base';
import { DirectoryLock } from '@keelson/store';
import { Cluster } from './cluster/cluster.ts';
import type { ClusterOptions } from './options.ts';
import { progressOn } from './progress.ts';
import { settle } from './settings.ts';

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Runs a cluster until a signal comes. Resolves to the exit code. */
export async function up(options: ClusterOptions, { logLevel }: { readonly logLevel: LogLevel }): Promise<number> {
  const logger = jsonLogger((line) => process.stderr.write(line), logLevel);
  const stopped = new AbortController();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      // Who asks twice does not want to wait.
      if (stopped.signal.aborted) process.exit(130);
      stopped.abort(new Error(`stopped by ${signal}`));
    });
  }
  await using _lock = await lockDirectory(options.dataDir);
  const { settings, reachable } = await settle(options);
  const cluster = new Cluster(settings, reachable, { clock: new SystemClock(), logger, progress: progressOn(process.stderr) });
  try {
    await cluster.start(stopped.signal);
  } catch (error) {
    if (stopped.signal.aborted) return 0;
    throw error;
  }
  process.stdout.write(`ready ${cluster.url} kubeconfig=${settings.kubeconfig}\n`);
  // Now, since a process that is killed never gets to it.
  flushCompileCache();
  if (!stopped.signal.aborted) await new Promise((resolve) => stopped.signal.addEventListener('abort', resolve, { once: true }));
  await cluster.stop();
  return 0;
}

/** Two clusters on one directory would undo each other's work. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    return await DirectoryLock.take(directory, 'keelson');
  } catch (cause) {
    if (cause instanceof KeelsonError) throw cause;
    throw new KeelsonError('ServiceUnavailable', `Cannot use data directory "${directory}": ${errorMessage(cause)}`, { cause });
  }
}
