import { PassThrough, Readable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { connect } from 'node:net';
import { KeelsonError, type Clock } from '@keelson/base';
import type {
  ContainerConfig,
  ContainerDiskUsage,
  ContainerResources,
  ContainerRuntime,
  ContainerStats,
  ContainerStatus,
  ExecResult,
  Images,
  ImageStatus,
  LogLimits,
  LogOptions,
  MachineStats,
  PodFilter,
  PodNetworkStatus,
  RuntimeEvent,
  RuntimeInfo,
  SandboxConfig,
  SandboxNetworkUsage,
  SandboxStatus,
  StreamSession,
} from '@keelson/runtime';
import { Subject } from 'rxjs';
import { untilAborted } from '../until-aborted.ts';

/** How a container of an image behaves. Without an entry it runs until it is stopped, and stops at once. */
export interface Script {
  /** Ends by itself with this code, right after its start. */
  readonly exitCode?: number;
  /** How long it takes to end after its stop signal; killed when the grace period is over. */
  readonly stopMs?: number;
  /** The process cannot be started. */
  readonly startError?: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A runtime whose containers are records in memory. For tests of the kubelet alone. */
export class MemoryRuntime implements ContainerRuntime {
  readonly sandboxes = new Map<string, Mutable<SandboxStatus>>();
  readonly containers = new Map<string, Mutable<ContainerStatus> & { config: ContainerConfig }>();
  readonly scripts = new Map<string, Script>();
  readonly missingImages = new Set<string>();
  /** Those that are not there until they are pulled. */
  readonly remoteImages = new Set<string>();
  /** Who may pull an image, where not everybody may. */
  readonly owners = new Map<string, string>();
  /** What was done to containers, in order: `start web`, `stop web 30`... */
  readonly journal: string[] = [];
  readonly logTexts = new Map<string, string>();
  /** Bytes that containers of a name use. */
  readonly memory = new Map<string, number>();
  /** Bytes that containers of a name have written beside their image. */
  readonly written = new Map<string, number>();
  onImageRemoved: (sizeBytes: number) => void = () => undefined;
  down = false;
  refusesUpdates = false;
  /** Of pods as a whole. */
  refusesLimits = false;
  /** Bytes of memory that a pod as a whole cannot be brought below, since it uses them. */
  refusesLimitsBelow = 0;
  /** It breaks off in the middle of starts. */
  refusesStarts = false;
  network: PodNetworkStatus = { ready: true };
  userNamespaces = false;
  podCidrs: readonly string[] = [];
  logLimits: LogLimits | undefined;
  /** It takes what it is asked, and does not answer. */
  hangs = false;
  /** Pulls take until then. */
  pullable: Promise<void> = Promise.resolve();
  machineStats?: () => Promise<MachineStats>;
  exec1: (id: string, command: readonly string[]) => ExecResult = () => ok('');
  readonly #clock: Clock;
  readonly #events = new Subject<RuntimeEvent>();
  readonly #idleImages = new Map<string, ImageStatus>();
  #nextId = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly events$ = this.#events.asObservable();

  async info(): Promise<RuntimeInfo> {
    this.#check();
    return { name: 'mem', version: '1', podNetwork: true, network: this.network, userNamespaces: this.userNamespaces };
  }

  async setPodCidrs(podCidrs: readonly string[]): Promise<void> {
    this.#check();
    this.podCidrs = podCidrs;
  }

  async runSandbox(config: SandboxConfig): Promise<SandboxStatus> {
    this.#check();
    const id = `s${this.#nextId++}`;
    const { pod, attempt, labels, annotations, hostNetwork, runtimeHandler } = config;
    const ips = hostNetwork ? [] : ['127.0.0.1'];
    const sandbox = { id, pod, attempt, state: 'ready' as const, createdAtMs: this.#clock.now(), ips, labels, annotations };
    this.sandboxes.set(id, sandbox);
    this.journal.push(runtimeHandler === '' ? `sandbox ${pod.name}` : `sandbox ${pod.name} by ${runtimeHandler}`);
    return sandbox;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.sandboxes.get(id);
    if (!sandbox || sandbox.state === 'not-ready') return;
    for (const container of this.containers.values())
      if (container.sandboxId === id && container.state === 'running') this.exit(container.name, 137);
    sandbox.state = 'not-ready';
    this.#emit('sandbox-stopped', sandbox.pod.uid);
  }

  async removeSandbox(id: string): Promise<void> {
    for (const container of this.containers.values()) if (container.sandboxId === id) this.containers.delete(container.id);
    this.sandboxes.delete(id);
  }

  async listSandboxes(): Promise<readonly SandboxStatus[]> {
    this.#check();
    if (this.hangs) await new Promise(() => undefined);
    return [...this.sandboxes.values()].map((each) => ({ ...each }));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    this.#check();
    const sandbox = this.sandboxes.get(sandboxId);
    if (!sandbox) throw new KeelsonError('NotFound', 'no such sandbox');
    for (const other of this.containers.values()) {
      if (other.sandboxId === sandboxId && other.name === config.name && other.attempt === config.attempt)
        this.containers.delete(other.id);
    }
    const id = `c${this.#nextId++}`;
    const { name, attempt, labels, annotations, image } = config;
    const never = { startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: '', message: '' };
    const base = {
      id,
      sandboxId,
      pod: sandbox.pod,
      name,
      attempt,
      image,
      imageId: `sha256:${image}`,
      createdAtMs: this.#clock.now(),
    };
    this.containers.set(id, { ...base, ...never, state: 'created', labels, annotations, config });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    this.#check();
    if (this.refusesStarts) throw new KeelsonError('ServiceUnavailable', 'the connection broke off');
    const container = this.#get(id);
    const { exitCode, startError } = this.scripts.get(container.name) ?? {};
    if (startError !== undefined) {
      Object.assign(container, {
        state: 'exited',
        exitCode: 127,
        reason: 'StartError',
        message: startError,
        finishedAtMs: this.#clock.now(),
      });
      throw new KeelsonError('BadRequest', startError);
    }
    container.state = 'running';
    container.startedAtMs = this.#clock.now();
    this.journal.push(`start ${container.name}`);
    this.#emit('container-started', container.pod.uid, id);
    if (exitCode !== undefined) this.exit(container.name, exitCode);
  }

  /** Ends the running container of this name. */
  exit(name: string, exitCode: number): void {
    for (const container of this.containers.values()) {
      if (container.name !== name || container.state !== 'running') continue;
      Object.assign(container, {
        state: 'exited',
        exitCode,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        finishedAtMs: this.#clock.now(),
      });
      this.#emit('container-stopped', container.pod.uid, container.id);
    }
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    this.#check();
    const container = this.containers.get(id);
    if (!container || container.state !== 'running') return;
    this.journal.push(`stop ${container.name} ${graceSeconds}`);
    const stopMs = this.scripts.get(container.name)?.stopMs ?? 0;
    const limitMs = graceSeconds * 1000;
    if (stopMs > 0) await this.#clock.sleep(Math.min(stopMs, limitMs));
    this.exit(container.name, stopMs > limitMs ? 137 : 143);
  }

  async removeContainer(id: string): Promise<void> {
    this.containers.delete(id);
  }

  async listContainers(): Promise<readonly ContainerStatus[]> {
    this.#check();
    return [...this.containers.values()].map((each) => ({ ...each }));
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    return { ...this.#get(id) };
  }

  async updateSandbox(_id: string, resources: ContainerResources): Promise<void> {
    this.#check();
    const { memoryLimitBytes = Infinity } = resources;
    if (this.refusesLimits || memoryLimitBytes < this.refusesLimitsBelow)
      throw new KeelsonError('InternalError', 'invalid argument');
    this.journal.push(`limit pod ${JSON.stringify(resources)}`);
  }

  async updateResources(id: string, resources: ContainerResources): Promise<void> {
    this.#check();
    const container = this.#get(id);
    if (this.refusesUpdates) throw new KeelsonError('InternalError', 'device or resource busy');
    this.journal.push(`update ${container.name} ${JSON.stringify(resources)}`);
  }

  async execSync(id: string, command: readonly string[]): Promise<ExecResult> {
    this.#check();
    this.journal.push(`exec ${command.join(' ')}`);
    return this.exec1(id, command);
  }

  async exec(id: string, command: readonly string[]): Promise<StreamSession> {
    const stdout = Readable.from([Buffer.from(`${this.#get(id).name}: ${command.join(' ')}`)]);
    return {
      stdin: new PassThrough(),
      stdout,
      stderr: undefined,
      resize: async () => undefined,
      exitCode: Promise.resolve(0),
      close: () => undefined,
    };
  }

  attach(id: string): Promise<StreamSession> {
    return this.exec(id, ['attached']);
  }

  async portForward(_sandboxId: string, port: number): Promise<Duplex> {
    return connect({ host: '127.0.0.1', port });
  }

  async logs(id: string, options: LogOptions): Promise<Readable> {
    const lines = (this.logTexts.get(id) ?? `log of ${id}\n`).split(/(?<=\n)/);
    return Readable.from(
      (options.tailLines === undefined ? lines : lines.slice(-options.tailLines)).map((line) => Buffer.from(line)),
    );
  }

  limitLogs(limits: LogLimits): void {
    this.logLimits = limits;
  }

  async stats(): Promise<readonly ContainerStats[]> {
    return [...this.containers.values()].map(({ id, name }) => ({
      containerId: id,
      atMs: this.#clock.now(),
      cpuUsageNanoSeconds: 2e9,
      memoryWorkingSetBytes: this.memory.get(name) ?? 1000,
      memoryUsageBytes: this.memory.get(name) ?? 2000,
    }));
  }

  async diskUsage(_signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerDiskUsage[]> {
    this.#check();
    const running = [...this.containers.values()].filter(({ state }) => state === 'running');
    return running
      .filter(({ pod }) => only === undefined || pod.uid === only.podUid)
      .map(({ id, name }) => ({
        containerId: id,
        writableLayer: { usedBytes: this.written.get(name) ?? 0 },
        logs: { usedBytes: 1024, inodesUsed: 1 },
      }));
  }

  async networkUsage(): Promise<readonly SandboxNetworkUsage[]> {
    const own = [...this.sandboxes.values()].filter(({ ips, state }) => state === 'ready' && ips.length > 0);
    const eth0 = { name: 'eth0', rxBytes: 10, rxErrors: 0, txBytes: 20, txErrors: 1 };
    return own.map(({ id }) => ({ sandboxId: id, interfaces: [eth0] }));
  }

  readonly images: Images = {
    find: async (reference) => {
      const isThere = !this.missingImages.has(reference) && !this.remoteImages.has(reference);
      return isThere ? imageNamed(reference) : undefined;
    },
    list: async () => [imageNamed('web:1'), ...this.#idleImages.values()],
    pull: async (reference, credentials, signal) => {
      this.#check();
      const owner = this.owners.get(reference);
      if (owner !== undefined && credentials?.username !== owner) throw new KeelsonError('Forbidden', 'pull access denied');
      this.journal.push(`pull ${reference}`);
      await (signal ? untilAborted(this.pullable, signal) : this.pullable);
      if (this.missingImages.has(reference)) throw new KeelsonError('NotFound', `manifest for ${reference} not found`);
      if (this.remoteImages.delete(reference)) this.addImage(reference, 1000);
      return imageNamed(reference);
    },
    remove: async (reference) => {
      const { sizeBytes = 0 } = this.#idleImages.get(reference) ?? {};
      this.#idleImages.delete(reference);
      this.journal.push(`remove ${reference}`);
      this.onImageRemoved(sizeBytes);
    },
  };

  /** An image that is there, beside those of pods. */
  addImage(reference: string, sizeBytes: number, more: Partial<ImageStatus> = {}): void {
    this.#idleImages.set(reference, { ...imageNamed(reference), sizeBytes, ...more });
  }

  /** As if a container that is no pod's used an image, until the answer is called. */
  use(reference: string): () => void {
    const never = { startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: '', message: '', createdAtMs: 0, attempt: 0 };
    const whose = { sandboxId: '', pod: { uid: '', name: '', namespace: '' }, name: reference, labels: {}, annotations: {} };
    const id = `c${this.#nextId++}`;
    const config = {} as ContainerConfig;
    this.containers.set(id, { ...never, ...whose, id, image: reference, imageId: reference, state: 'running', config });
    return () => void this.containers.delete(id);
  }

  async close(): Promise<void> {
    this.#events.complete();
  }

  /** The newest container of a name. */
  latest(name: string): (Mutable<ContainerStatus> & { config: ContainerConfig }) | undefined {
    return [...this.containers.values()].filter((each) => each.name === name).at(-1);
  }

  resync(): void {
    this.#events.next({ type: 'resync' });
  }

  #get(id: string) {
    const found = this.containers.get(id);
    if (!found) throw new KeelsonError('NotFound', `no container ${id}`);
    return found;
  }

  #check(): void {
    if (this.down) throw new KeelsonError('ServiceUnavailable', 'the runtime is down');
  }

  #emit(type: RuntimeEvent['type'], podUid: string, containerId?: string): void {
    this.#events.next({ type, podUid, ...(containerId !== undefined && { containerId }) });
  }
}

function imageNamed(reference: string): ImageStatus {
  return { id: reference, repoTags: [reference], repoDigests: [], sizeBytes: 1000, user: '' };
}

export function ok(text: string, exitCode = 0): ExecResult {
  return { exitCode, stdout: Buffer.from(text), stderr: Buffer.alloc(0) };
}
