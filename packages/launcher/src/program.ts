import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

/** A file that a program begins with: nothing, something that it reads, or something that it writes. */
export type ProgramFile = 'none' | 'in' | 'out';

export interface ProgramStart {
  /** A path, or a name that is looked for in this process's `PATH`. */
  readonly file: string;
  readonly args: readonly string[];
  /** All of it. Default: this process's `PATH`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Of its files from 0 on, at least three: what it reads is ours to write. Default: none. */
  readonly files?: readonly ProgramFile[];
  /** This process does not stay alive for its sake. */
  readonly isLeft?: boolean;
}

/** How a program has ended: one of both. */
export interface ProgramEnd {
  readonly code: number | undefined;
  /** As the kernel numbers them. */
  readonly signal: number | undefined;
}

/** A program that runs: in a session and process group of its own, with `/` as its working directory. */
export interface StartedProgram {
  readonly pid: number;
  /** Our ends of the files that it reads. Errors of them are to be handled: it may end without having read everything. */
  readonly inputs: Readonly<Record<number, Writable>>;
  /** Our ends of the files that it writes. */
  readonly outputs: Readonly<Record<number, Readable>>;
  /** Rejects with `NotFound` if there is no such program, and with `InternalError` if it cannot be run. */
  readonly ended: Promise<ProgramEnd>;
  /** Does nothing once it has ended. */
  kill(signal: NodeJS.Signals): void;
  /** The same for it and all that it has started, unless they have left its group. */
  killGroup(): void;
}

export const NO_FILES: readonly ProgramFile[] = ['none', 'none', 'none'];

export function environmentOf({ env }: ProgramStart): Readonly<Record<string, string>> {
  return env ?? { PATH: process.env['PATH'] ?? '' };
}

/** Where a program is. What cannot be found is left as it is, so that the start says so. */
export function pathOf(file: string): string {
  if (file.includes('/')) return file;
  const directories = (process.env['PATH'] ?? '').split(':').filter((directory) => directory !== '');
  return directories.map((directory) => `${directory}/${file}`).find((path) => existsSync(path)) ?? file;
}

/** Not an error if it has ended meanwhile. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
