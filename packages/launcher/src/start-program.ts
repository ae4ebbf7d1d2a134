import { startChild } from './child.ts';
import { Launcher } from './launcher.ts';
import type { ProgramStart, StartedProgram } from './program.ts';

/** One for a process: it takes a few kilobytes, and is there from the first start on. `none` where there can be none. */
let launcher: Launcher | 'none' | undefined;

/**
 * Starts a program, as `spawn` of Node does, but does not copy the tables of this process's memory for it: this one takes as long for a process of a
 * gigabyte as for a small one, and holds up nothing meanwhile. Rejects as `ended` does, if that is known at once.
 */
export async function startProgram(start: ProgramStart): Promise<StartedProgram> {
  if (launcher === undefined || (launcher !== 'none' && !launcher.isAlive)) launcher = Launcher.open() ?? 'none';
  return launcher !== 'none' && launcher.takes(start) ? launcher.start(start) : startChild(start);
}
