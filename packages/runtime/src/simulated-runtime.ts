import { PassThrough, Readable, type Duplex } from 'node:stream';
import { KeelsonError, type Clock } from '@keelson/base';
import { Subject, type Observable } from 'rxjs';
import type {
  ContainerConfig,
  ContainerResources,
  ContainerRuntime,
  ContainerStats,
  ContainerStatus,
  ExecResult,
  LogOptions,
  RuntimeEvent,
  RuntimeInfo,
  SandboxConfig,
  SandboxStatus,
  StreamOptions,
  StreamSession,
} from './container-runtime.ts';
import { scriptOf, type Script } from './script.ts';
import { SimulatedImages } from './simulated-images.ts';

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /** The first three bytes of pods' addresses. Default `10.244.0`. */
  readonly network?: string;
}

interface Sandbox {
  readonly config: SandboxConfig;
  status: SandboxStatus;
}

interface Container {
  readonly config: ContainerConfig;
  readonly script: Script;
  readonly log: { readonly atMs: number; readonly line: string }[];
  status: ContainerStatus;
  end: Disposable | undefined;
}

const KILLED = 137;
const TERMINATED = 143;
const EMPTY = new Uint8Array();

/**
 * A runtime that runs nothing: containers start, print, end and are killed as annotations of their pod say (see `Script`), by the injected
 * clock. No root, no Docker; a container that just runs costs no timer. For tests, demonstrations and clusters of thousands of nodes.
 */
export class SimulatedRuntime implements ContainerRuntime {
  readonly images = new SimulatedImages();
  readonly #clock: Clock;
  readonly #network: string;
  readonly #events = new Subject<RuntimeEvent>();
  readonly #sandboxes = new Map<string, Sandbox>();
  readonly #containers = new Map<string, Container>();
  #made = 0;

  constructor({ clock, network = '10.244.0' }: SimulatedRuntimeOptions) {
    this.#clock = clock;
    this.#network = network;
  }

  get events$(): Observable<RuntimeEvent> {
    return this.#events.asObservable();
  }

  async info(): Promise<RuntimeInfo> {
    return { name: 'sim', version: '1.0.0', podNetwork: false };
  }

  async runSandbox(config: SandboxConfig): Promise<SandboxStatus> {
    for (const [id, { config: other }] of this.#sandboxes) {
      if (other.pod.uid === config.pod.uid && other.attempt === config.attempt) await this.removeSandbox(id);
    }
    const id = `sim-sandbox-${(this.#made += 1)}`;
    const { pod, attempt, labels, annotations } = config;
    const ips = config.hostNetwork ? [] : [this.#freeAddress()];
    const status: SandboxStatus = { id, pod, attempt, state: 'ready', createdAtMs: this.#clock.now(), ips, labels, annotations };
    this.#sandboxes.set(id, { config, status });
    return status;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox || sandbox.status.state === 'not-ready') return;
    for (const container of this.#containers.values()) if (container.status.sandboxId === id) this.#finish(container, KILLED);
    sandbox.status = { ...sandbox.status, state: 'not-ready', ips: [] };
    this.#events.next({ type: 'sandbox-stopped', podUid: sandbox.config.pod.uid });
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    for (const [containerId, { status }] of this.#containers) if (status.sandboxId === id) this.#containers.delete(containerId);
    this.#sandboxes.delete(id);
  }

  async listSandboxes(): Promise<readonly SandboxStatus[]> {
    return [...this.#sandboxes.values()].map(({ status }) => status);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox) throw new KeelsonError('NotFound', `No such sandbox: ${sandboxId}`);
    for (const [id, { status }] of this.#containers) {
      if (status.sandboxId === sandboxId && status.name === config.name && status.attempt === config.attempt)
        await this.removeContainer(id);
    }
    const image = (await this.images.find(config.image)) ?? { id: config.image };
    const id = `sim-${(this.#made += 1)}`;
    const { name, attempt, labels, annotations } = config;
    const identity = {
      id,
      sandboxId,
      pod: sandbox.config.pod,
      name,
      attempt,
      image: config.image,
      imageId: image.id,
      labels,
      annotations,
    };
    const life = {
      state: 'created' as const,
      createdAtMs: this.#clock.now(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      reason: '',
      message: '',
    };
    const script = scriptOf(name, sandbox.config.annotations);
    this.#containers.set(id, { config, script, log: [], status: { ...identity, ...life }, end: undefined });
    return id;
  }

  async startContainer(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.#container(id);
    const { script } = container;
    if (script.startDelayMs > 0) await this.#clock.sleep(script.startDelayMs, signal);
    const atMs = this.#clock.now();
    container.status = { ...container.status, state: 'running', startedAtMs: atMs };
    container.log.push(...script.logs.map((line) => ({ atMs, line })));
    if (script.runMs !== undefined)
      container.end = this.#clock.after(script.runMs, () => this.#finish(container, script.exitCode));
    this.#tell('container-started', container);
  }

  async stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const container = this.#containers.get(id);
    if (container?.status.state !== 'running') return;
    const { stopMs } = container.script;
    const isPatient = stopMs <= graceSeconds * 1000;
    await this.#clock.sleep(isPatient ? stopMs : graceSeconds * 1000, signal);
    this.#finish(container, isPatient && graceSeconds > 0 ? TERMINATED : KILLED);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    this.#finish(container, KILLED);
    this.#containers.delete(id);
    this.#tell('container-deleted', container);
  }

  async listContainers(): Promise<readonly ContainerStatus[]> {
    return [...this.#containers.values()].map(({ status }) => status);
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    return this.#container(id).status;
  }

  async updateResources(id: string, _resources: ContainerResources): Promise<void> {
    this.#container(id);
  }

  /** Knows `true`, `false`, `echo`, `env` and `sh -c "exit N"`; prints the command of anything else. */
  async execSync(id: string, command: readonly string[]): Promise<ExecResult> {
    const { config } = this.#running(id);
    const [program = '', ...args] = command;
    const done = (exitCode: number, text = ''): ExecResult => ({ exitCode, stdout: Buffer.from(text), stderr: EMPTY });
    const exit = /^exit (\d+)$/.exec(args[1] ?? '');
    if (program === 'false') return done(1);
    if (program === 'true') return done(0);
    if (program === 'echo') return done(0, `${args.join(' ')}\n`);
    if (program === 'env') return done(0, config.env.map(({ name, value }) => `${name}=${value}\n`).join(''));
    if (program.endsWith('sh') && exit) return done(Number(exit[1]));
    return done(0, `${command.join(' ')}\n`);
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<StreamSession> {
    const { exitCode, stdout } = await this.execSync(id, command);
    return session(Readable.from([Buffer.from(stdout)]), options, Promise.resolve(exitCode));
  }

  async attach(id: string, options: StreamOptions): Promise<StreamSession> {
    const { log } = this.#running(id);
    return session(Readable.from(log.map(({ line }) => Buffer.from(`${line}\n`))), options, Promise.resolve(0));
  }

  /** What is written comes back. */
  async portForward(sandboxId: string): Promise<Duplex> {
    if (!this.#sandboxes.has(sandboxId)) throw new KeelsonError('NotFound', `No such sandbox: ${sandboxId}`);
    return new PassThrough();
  }

  async logs(id: string, { tailLines, sinceMs = 0, timestamps }: LogOptions): Promise<Readable> {
    const lines = this.#container(id).log.filter(({ atMs }) => atMs >= sinceMs);
    const tail = tailLines === undefined ? lines : lines.slice(Math.max(0, lines.length - tailLines));
    return Readable.from(tail.map(({ atMs, line }) => Buffer.from(timestamps ? `${rfc3339Nano(atMs)} ${line}\n` : `${line}\n`)));
  }

  async stats(): Promise<readonly ContainerStats[]> {
    const atMs = this.#clock.now();
    const running = [...this.#containers.values()].filter(({ status }) => status.state === 'running');
    return running.map(({ status }) => ({
      containerId: status.id,
      atMs,
      cpuUsageNanoSeconds: 0,
      memoryWorkingSetBytes: 0,
      memoryUsageBytes: 0,
    }));
  }

  async close(): Promise<void> {
    for (const { end } of this.#containers.values()) end?.[Symbol.dispose]();
    this.#events.complete();
  }

  #container(id: string): Container {
    const container = this.#containers.get(id);
    if (!container) throw new KeelsonError('NotFound', `No such container: ${id}`);
    return container;
  }

  #running(id: string): Container {
    const container = this.#container(id);
    if (container.status.state !== 'running') throw new KeelsonError('BadRequest', `Container ${id} is not running`);
    return container;
  }

  #finish(container: Container, exitCode: number): void {
    container.end?.[Symbol.dispose]();
    container.end = undefined;
    if (container.status.state !== 'running') return;
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    container.status = { ...container.status, state: 'exited', exitCode, reason, finishedAtMs: this.#clock.now() };
    this.#tell('container-stopped', container);
  }

  #tell(type: RuntimeEvent['type'], { status }: Container): void {
    this.#events.next({ type, podUid: status.pod.uid, containerId: status.id });
  }

  #freeAddress(): string {
    const taken = new Set([...this.#sandboxes.values()].flatMap(({ status }) => status.ips));
    for (let host = 2; host < 255; host += 1) if (!taken.has(`${this.#network}.${host}`)) return `${this.#network}.${host}`;
    throw new KeelsonError('ServiceUnavailable', `No address is left in ${this.#network}.0/24`);
  }
}

function session(stdout: Readable, options: StreamOptions, exitCode: Promise<number>): StreamSession {
  const ended = new Promise<number>((resolve, reject) =>
    stdout.once('end', () => void exitCode.then(resolve, reject)).once('error', reject),
  );
  return {
    stdin: options.stdin ? new PassThrough().resume() : undefined,
    stdout,
    stderr: options.tty ? undefined : Readable.from([]),
    resize: async () => undefined,
    exitCode: ended,
    close: () => void stdout.destroy(),
  };
}

function rfc3339Nano(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000000Z');
}
