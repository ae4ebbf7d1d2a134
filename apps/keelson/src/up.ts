import { flushCompileCache } from 'node:module';
import { jsonLogger, SystemClock, type LogLevel } from '@keelson/base';
import { Cluster } from './cluster/cluster.ts';
import { lockDirectory } from './data-directory.ts';
import type { ClusterOptions } from './options.ts';
import { progressOn } from './progress.ts';
import { settle } from './settings.ts';
import { runUntil, stopSignal } from './stop-signal.ts';

/** Runs a cluster until a signal comes. Resolves to the exit code. */
export async function up(options: ClusterOptions, { logLevel }: { readonly logLevel: LogLevel }): Promise<number> {
  const logger = jsonLogger((line) => process.stderr.write(line), logLevel);
  const stopped = stopSignal();
  await using _lock = await lockDirectory(options.dataDir);
  const { settings, reachable } = await settle(options);
  const cluster = new Cluster(settings, reachable, { clock: new SystemClock(), logger, progress: progressOn(process.stderr) });
  return await runUntil(stopped, cluster, () => {
    process.stdout.write(`ready ${cluster.url} kubeconfig=${settings.kubeconfig}\n`);
    // Now, since a process that is killed never gets to it.
    flushCompileCache();
  });
}
