import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { isReason, KeelsonError } from '@keelson/base';
import { startProgram } from '@keelson/launcher';

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** For its standard input. */
  readonly input?: string;
  /** After this time it is killed. Default 30,000. */
  readonly timeoutMs?: number;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of the node to its end. An exit code is a result; rejects with `NotFound` if there is no such program, with `Timeout`
 * if it did not end in time and was killed, and with `InternalError` if it ended otherwise without an exit code.
 */
export type CommandRunner = (command: Command) => Promise<CommandResult>;

/** Runs commands by the launcher, since forking this process may take longer than what they do. */
export const runCommand: CommandRunner = async ({ file, args, input = '', timeoutMs = 30_000 }) => {
  const program = await startProgram({ file, args, env: ownEnvironment(), files: ['in', 'out', 'out'] });
  const { inputs, outputs, ended } = program;
  const late = AbortSignal.timeout(timeoutMs);
  const stop = (): void => program.killGroup();
  late.addEventListener('abort', stop, { once: true });
  try {
    // It may end without having read everything; its exit code tells.
    inputs[0]?.on('error', () => undefined).end(input);
    const [{ code, signal }, stdout, stderr] = await Promise.all([ended, textOf(outputs[1]), textOf(outputs[2])]);
    if (code !== undefined) return { code, stdout, stderr };
    if (late.aborted) throw new KeelsonError('Timeout', `Cannot run "${file}": it did not end in time and was killed`);
    throw new KeelsonError('InternalError', `Cannot run "${file}": signal ${signal} has ended it`);
  } catch (error) {
    if (isReason(error, 'NotFound')) throw new KeelsonError('NotFound', `Cannot run "${file}": there is no such program`);
    throw error;
  } finally {
    late.removeEventListener('abort', stop);
  }
};

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

async function textOf(output: Readable | undefined): Promise<string> {
  return output ? text(output) : '';
}

/** Runs a command that has to succeed. Rejects with `InternalError`, which holds what it said, if it did not. */
export async function runOrThrow(run: CommandRunner, command: Command): Promise<string> {
  const { code, stdout, stderr } = await run(command);
  if (code === 0) return stdout;
  const said = stderr.trim().slice(0, 500);
  throw new KeelsonError(
    'InternalError',
    `Command "${[command.file, ...command.args].join(' ')}" failed with code ${code}: ${said}`,
  );
}
