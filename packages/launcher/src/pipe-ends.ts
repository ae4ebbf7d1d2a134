import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { Writable, type Readable } from 'node:stream';
import type { ProgramFile, StartedProgram } from './program.ts';

/** Opens our ends of a program's pipes, which another process has made and still holds, by what `/proc` shows of its files. */
export function openEnds(
  holder: number,
  kinds: readonly ProgramFile[],
  files: readonly string[],
): Pick<StartedProgram, 'inputs' | 'outputs'> {
  const inputs: Record<number, Writable> = {};
  const outputs: Record<number, Readable> = {};
  for (const [at, kind] of kinds.entries()) {
    const path = `/proc/${holder}/fd/${files[at]}`;
    if (kind === 'in') inputs[at] = openInput(path);
    if (kind === 'out') outputs[at] = openOutput(path);
  }
  return { inputs, outputs };
}

function openOutput(path: string): Readable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

function openInput(path: string): Writable {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: false, writable: true });
  } catch (error) {
    // It has ended already, or has closed the file.
    if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    return new Writable({ write: (_chunk, _encoding, done) => done() });
  }
}
