import { flushCompileCache } from 'node:module';
import { jsonLogger, SystemClock, type LogLevel } from '@keelson/base';
import { progressOn } from '../progress.ts';
import { runUntil, stopSignal } from '../stop-signal.ts';
import { lockDirectory } from '../data-directory.ts';
import type { AgentOptions } from './agent-options.ts';
import { Agent } from './agent.ts';

/** Runs this machine as a node until a signal comes. Resolves to the exit code. */
export async function runAgent(options: AgentOptions, { logLevel }: { readonly logLevel: LogLevel }): Promise<number> {
  const logger = jsonLogger((line) => process.stderr.write(line), logLevel);
  const stopped = stopSignal();
  await using _lock = await lockDirectory(options.dataDir);
  const agent = new Agent(options, { clock: new SystemClock(), logger, progress: progressOn(process.stderr) });
  return await runUntil(stopped, agent, () => {
    process.stdout.write(`ready node=${options.nodeName}\n`);
    // Now, since a process that is killed never gets to it.
    flushCompileCache();
  });
}
