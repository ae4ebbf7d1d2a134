import { execFile } from 'node:child_process';
import { KeelsonError } from '@keelson/base';

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

const LARGEST_OUTPUT_BYTES = 512 * 1024 * 1024;

/** Runs commands as children of this process. */
export const runCommand: CommandRunner = ({ file, args, input, timeoutMs = 30_000 }) =>
  new Promise((resolve, reject) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: LARGEST_OUTPUT_BYTES } as const;
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (!error) resolve({ code: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ code: error.code, stdout, stderr });
      else reject(failure(file, error.code ?? undefined, error));
    });
    // It may end without having read everything; its exit code tells.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });

function failure(file: string, code: string | undefined, error: Error & { killed?: boolean }): KeelsonError {
  if (code === 'ENOENT') return new KeelsonError('NotFound', `Cannot run "${file}": there is no such program`);
  if (error.killed) return new KeelsonError('Timeout', `Cannot run "${file}": it did not end in time and was killed`);
  return new KeelsonError('InternalError', `Cannot run "${file}": ${error.message}`, { cause: error });
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
