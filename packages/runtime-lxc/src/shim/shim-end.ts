import type { Clock } from '@keelson/base';
import type { Exits } from '../exits.ts';
import { beginningOf, shimOf } from './launch.ts';

const KILLED = 137;
const POLL_MS = 20;

export interface ShimToEnd {
  readonly directory: string;
  readonly id: string;
  readonly exits: Exits;
  readonly clock: Clock;
}

/** Ends what a shim stays with, at once, and the shim with it. Resolves when both are gone and the end is noted down. */
export async function shimEnd({ directory, id, exits, clock }: ShimToEnd): Promise<void> {
  const shim = shimOf(directory);
  if (shim !== undefined) {
    kill(shim, 'SIGTERM');
    while (shimOf(directory) !== undefined && !exits.find(id)) await clock.sleep(POLL_MS);
  } else if (!exits.find(id)) {
    // Somebody has killed the shim: what it stayed with may have gone on.
    const beginning = beginningOf(directory);
    if (beginning) kill(beginning.pid, 'SIGKILL');
    if (beginning) await exits.write(id, KILLED, clock.now(), 'What stayed with the process was killed');
  }
}

export function kill(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
