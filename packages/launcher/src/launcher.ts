import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KeelsonError } from '@keelson/base';
import { cannotRun } from './cannot-run.ts';
import { programFor } from './install-program.ts';
import { LAUNCHER_BINARIES } from './launcher-binaries.ts';
import { closeMessage, MAX_MESSAGE_BYTES, startMessage } from './messages.ts';
import { openEnds } from './pipe-ends.ts';
import { NO_FILES, signalTo, type ProgramEnd, type ProgramStart, type StartedProgram } from './program.ts';

interface Running {
  readonly start: ProgramStart;
  readonly started: PromiseWithResolvers<StartedProgram>;
  readonly ended: PromiseWithResolvers<ProgramEnd>;
  isOver: boolean;
  /** This process stays alive for it. */
  isHeld: boolean;
}

/**
 * A process of a few kilobytes that starts programs for this one (`native/launcher.c`). It ends with this one, however that ends; what it has
 * started goes on.
 */
export class Launcher {
  readonly #process: ChildProcess & { readonly stdin: Socket; readonly stdout: Socket };
  readonly #pid: number;
  /** By tag, until its end is known. */
  readonly #running = new Map<string, Running>();
  readonly #tags = new Map<number, string>();
  #lastTag = 0;
  #held = 0;
  #isAlive = true;

  private constructor(child: ChildProcess, pid: number) {
    // With pipes for both, they are sockets.
    this.#process = child as ChildProcess & { readonly stdin: Socket; readonly stdout: Socket };
    this.#pid = pid;
    const { stdin, stdout } = this.#process;
    createInterface({ input: stdout })
      .on('line', (line) => this.#heard(line.split(' ')))
      .on('close', () => this.#lost());
    stdin.on('error', () => this.#lost());
    child.on('error', () => this.#lost());
    child.unref();
    stdin.unref();
    stdout.unref();
  }

  /** `undefined` where there can be none: it is for Linux, on some machines. */
  static open(): Launcher | undefined {
    const binary = process.platform === 'linux' ? programFor(LAUNCHER_BINARIES) : undefined;
    if (!binary) return undefined;
    try {
      const child = startFrom(binary);
      child.once('error', () => undefined); // A file system that programs cannot be run from, say: shows in the missing id.
      return child.pid === undefined ? undefined : new Launcher(child, child.pid);
    } catch {
      // No place for its file.
      return undefined;
    }
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** The process's id. */
  get pid(): number {
    return this.#pid;
  }

  /** Whether what there is to tell about a program is not too long. */
  takes(start: ProgramStart): boolean {
    return startMessage('', start).length < MAX_MESSAGE_BYTES;
  }

  start(start: ProgramStart): Promise<StartedProgram> {
    const tag = String((this.#lastTag += 1));
    const running: Running = {
      start,
      started: Promise.withResolvers(),
      ended: Promise.withResolvers(),
      isOver: false,
      isHeld: true,
    };
    running.ended.promise.catch(() => undefined); // Whoever wants to know waits for it.
    this.#running.set(tag, running);
    this.#held += 1;
    this.#process.stdout.ref();
    this.#process.stdin.write(startMessage(tag, start));
    return running.started.promise;
  }

  #heard([what, ...rest]: readonly string[]): void {
    const [first = '', second = '', ...files] = rest;
    if (what === 'started') this.#started(first, Number(second), files);
    if (what === 'failed') this.#failed(first, Number(second));
    if (what === 'ended') this.#ended(Number(first), Number(second));
  }

  #started(tag: string, pid: number, files: readonly string[]): void {
    const running = this.#running.get(tag);
    this.#tags.set(pid, tag);
    if (!running) return void this.#process.stdin.write(closeMessage(files));
    const { start, started, ended } = running;
    const ends = openEnds(this.#pid, start.files ?? NO_FILES, files);
    this.#process.stdin.write(closeMessage(files));
    if (start.isLeft) this.#release(running);
    started.resolve({
      pid,
      ...ends,
      ended: ended.promise,
      kill: (signal) => void (running.isOver || signalTo(pid, signal)),
      killGroup: () => signalTo(-pid, 'SIGKILL'),
    });
  }

  #failed(tag: string, errno: number): void {
    const running = this.#running.get(tag);
    if (running) this.#over(tag, running, cannotRun(running.start.file, errno));
  }

  #ended(pid: number, status: number): void {
    const tag = this.#tags.get(pid) ?? '';
    this.#tags.delete(pid);
    const running = this.#running.get(tag);
    if (!running) return;
    const signal = status & 0x7f;
    running.ended.resolve(signal === 0 ? { code: (status >> 8) & 0xff, signal: undefined } : { code: undefined, signal });
    this.#over(tag, running, undefined);
  }

  #over(tag: string, running: Running, failure: Error | undefined): void {
    this.#running.delete(tag);
    this.#release(running);
    running.isOver = true;
    if (failure) {
      running.started.reject(failure);
      running.ended.reject(failure);
    }
  }

  #lost(): void {
    this.#isAlive = false;
    const failure = new KeelsonError('ServiceUnavailable', 'What starts programs for this process has ended');
    for (const [tag, running] of this.#running) this.#over(tag, running, failure);
  }

  /** What somebody waits for keeps this process alive, as a child would. */
  #release(running: Running): void {
    if (!running.isHeld) return;
    running.isHeld = false;
    this.#held -= 1;
    if (this.#held === 0) this.#process.stdout.unref();
  }
}

function startFrom(binary: Buffer): ChildProcess {
  const directory = mkdtempSync(join(tmpdir(), 'keelson-launcher-'));
  try {
    const file = join(directory, 'launcher');
    writeFileSync(file, binary, { mode: 0o700 });
    return spawn(file, [], { cwd: '/', detached: true, env: {}, stdio: ['pipe', 'pipe', 'ignore'] });
  } finally {
    // It runs by now, and needs its file no more.
    rmSync(directory, { recursive: true, force: true });
  }
}
