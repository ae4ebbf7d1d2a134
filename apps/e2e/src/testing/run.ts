import { execFile, spawn, type ChildProcess } from 'node:child_process';

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
  readonly cwd?: string;
}

/** Runs a program to its end. Resolves whatever its exit code is; rejects if it cannot be run or takes too long. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Output> {
  const { env = {}, input, timeoutMs = 180_000, cwd } = options;
  return new Promise((resolve, reject) => {
    const settings = {
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      ...(cwd !== undefined && { cwd }),
    };
    const child = execFile(file, [...args], settings, (error, stdout, stderr) => {
      if (error && typeof error.code !== 'number') {
        const why = error.killed ? `took longer than ${timeoutMs} ms` : error.message;
        reject(new Error(`${file} ${args.join(' ')}: ${why}\n${stdout}${stderr}`));
      } else resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    // A program may end before it has read its input (EPIPE); whether that was right, its exit code says.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input ?? '');
  });
}

/** As `run`, and rejects unless it succeeds. Gives what it printed. */
export async function must(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, options);
  if (code !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** Starts a program that goes on. */
export function start(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(file, [...args], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Asks again and again until `look` gives something; says what it saw last if that takes too long. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  { timeoutMs = 180_000, everyMs = 250 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  let last: unknown;
  while (performance.now() < endMs) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error(`${what}: not within ${timeoutMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`);
}
