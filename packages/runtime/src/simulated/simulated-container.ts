import type { Clock } from '@keelson/base';
import type { ContainerConfig, ContainerStatus, SandboxConfig, SandboxStatus } from '../container-runtime.ts';
import type { Script } from './script.ts';
import { SimulatedLog } from './simulated-log.ts';

export interface SimulatedSandbox {
  readonly config: SandboxConfig;
  readonly containers: Set<string>;
  status: SandboxStatus;
}

/** What a container uses, instead of what its script says. */
export interface SimulatedLoad {
  readonly cpuMilli: number;
  /** What the script says if absent. */
  readonly memoryBytes?: number;
}

export interface ContainerUsage {
  readonly cpuNanoSeconds: number;
  readonly memoryBytes: number;
}

const MIB = 1024 * 1024;

/** One container: its life by its script and the clock. It costs a timer only if it ends, or prints, by itself. */
export class SimulatedContainer {
  readonly config: ContainerConfig;
  readonly script: Script;
  readonly sandbox: SimulatedSandbox;
  readonly log = new SimulatedLog();
  status: ContainerStatus;
  readonly #clock: Clock;
  readonly #timers: Disposable[] = [];
  #loaded: { readonly atMs: number; readonly nanoSeconds: number; readonly cpuMilli: number } | undefined;
  readonly #ended = Promise.withResolvers<number>();

  constructor(
    clock: Clock,
    from: {
      readonly config: ContainerConfig;
      readonly script: Script;
      readonly sandbox: SimulatedSandbox;
      readonly status: ContainerStatus;
    },
  ) {
    this.#clock = clock;
    this.config = from.config;
    this.script = from.script;
    this.sandbox = from.sandbox;
    this.status = from.status;
  }

  get isRunning(): boolean {
    return this.status.state === 'running';
  }

  /** Resolves with the exit code. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  isHealthy(): boolean {
    if (!this.isRunning) return false;
    const ageMs = this.#clock.now() - this.status.startedAtMs;
    const { healthyAfterMs, unhealthyAfterMs = Infinity } = this.script;
    return ageMs >= healthyAfterMs && ageMs < unhealthyAfterMs;
  }

  /** What it has used, by its script or, from the first time that there is one, by its load. */
  usage(load: SimulatedLoad | undefined): ContainerUsage {
    const { startedAtMs, finishedAtMs } = this.status;
    if (startedAtMs === 0) return { cpuNanoSeconds: 0, memoryBytes: 0 };
    const { cpuMilli, memoryMib } = this.script;
    const atMs = this.isRunning ? this.#clock.now() : finishedAtMs;
    const ageMs = atMs - startedAtMs;
    if (load) {
      this.#loaded ??= { atMs, nanoSeconds: cpuMilli.sum(ageMs) * 1000, cpuMilli: load.cpuMilli };
      // What it used since somebody looked last is what it was said to use then.
      const nanoSeconds = this.#loaded.nanoSeconds + (atMs - this.#loaded.atMs) * this.#loaded.cpuMilli * 1000;
      this.#loaded = { atMs, nanoSeconds, cpuMilli: load.cpuMilli };
    }
    const cpuNanoSeconds = Math.round(this.#loaded?.nanoSeconds ?? cpuMilli.sum(ageMs) * 1000);
    return { cpuNanoSeconds, memoryBytes: this.isRunning ? (load?.memoryBytes ?? memoryMib.at(ageMs) * MIB) : 0 };
  }

  start(onEnd: () => void): void {
    this.status = { ...this.status, state: 'running', startedAtMs: this.#clock.now() };
    this.goOn(onEnd);
  }

  /** Takes up a life that has begun: what it did while nobody looked has happened. */
  goOn(onEnd: () => void): void {
    const { exitCode, logIntervalMs, logs, runMs } = this.script;
    const { startedAtMs } = this.status;
    if (logIntervalMs === undefined) this.log.append(startedAtMs, ...logs);
    if (!this.isRunning) return this.log.end();
    if (logIntervalMs !== undefined) this.#printEvery(Math.max(1, logIntervalMs));
    if (runMs === undefined) return;
    const end = () => {
      if (this.end(exitCode, { atMs: startedAtMs + runMs })) onEnd();
    };
    const leftMs = startedAtMs + runMs - this.#clock.now();
    if (leftMs < 0) end();
    else this.#timers.push(this.#clock.after(leftMs, end));
  }

  failToStart(exitCode: number, message: string): void {
    this.status = { ...this.status, state: 'running' };
    this.end(exitCode, { reason: 'StartError', message });
  }

  /** False if it was not running. */
  end(exitCode: number, how: { readonly reason?: string; readonly message?: string; readonly atMs?: number } = {}): boolean {
    this.stopTimers();
    const { reason = exitCode === 0 ? 'Completed' : 'Error', message = '', atMs = this.#clock.now() } = how;
    const isEnd = this.isRunning;
    if (isEnd) this.status = { ...this.status, state: 'exited', exitCode, reason, message, finishedAtMs: atMs };
    this.log.end();
    this.#ended.resolve(this.status.exitCode);
    return isEnd;
  }

  stopTimers(): void {
    for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
  }

  #printEvery(periodMs: number): void {
    const { logs } = this.script;
    let next = 0;
    this.#timers.push(
      this.#clock.every(periodMs, () => {
        this.log.append(this.#clock.now(), logs[next % Math.max(1, logs.length)] ?? '');
        next += 1;
      }),
    );
  }
}
