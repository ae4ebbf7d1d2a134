import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { cannotRun } from './cannot-run.ts';
import { environmentOf, NO_FILES, signalTo, type ProgramEnd, type ProgramStart, type StartedProgram } from './program.ts';

/** Starts a program as a child of this process: where there is no launcher. */
export async function startChild(start: ProgramStart): Promise<StartedProgram> {
  const { file, args, files = NO_FILES, isLeft = false } = start;
  const stdio = files.map((each) => (each === 'none' ? 'ignore' : 'pipe'));
  const child = spawn(file, args, { cwd: '/', detached: true, env: environmentOf(start), stdio });
  if (isLeft) child.unref();
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(cannotRun(file, -(error.errno ?? 0))));
    child.once('exit', (code, signal) =>
      resolve({ code: code ?? undefined, signal: signal === null ? undefined : constants.signals[signal] }),
    );
  });
  ended.catch(() => undefined); // Whoever wants to know waits for it.
  const { pid } = child;
  if (pid === undefined) {
    await ended;
    throw cannotRun(file, constants.errno.ENOENT);
  }
  const isOver = () => child.exitCode !== null || child.signalCode !== null;
  const inputs: Record<number, Writable> = {};
  const outputs: Record<number, Readable> = {};
  for (const [at, each] of files.entries()) {
    const stream = child.stdio[at];
    if (each === 'in') inputs[at] = stream as Writable;
    if (each === 'out') outputs[at] = stream as Readable;
  }
  return {
    pid,
    inputs,
    outputs,
    ended,
    kill: (signal) => void (isOver() || signalTo(pid, signal)),
    killGroup: () => signalTo(-pid, 'SIGKILL'),
  };
}
