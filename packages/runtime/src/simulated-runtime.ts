import { randomBytes } from 'node:crypto';
import type { Duplex, Readable } from 'node:stream';
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
  MachineStats,
  PodFilter,
  RuntimeEvent,
  RuntimeInfo,
  SandboxConfig,
  SandboxStatus,
  StreamOptions,
  StreamSession,
} from './container-runtime.ts';
import { PodAddresses } from './simulated/pod-addresses.ts';
import { annotationOf, scriptOf } from './simulated/script.ts';
import { isShell, runCommand, type CommandContext } from './simulated/simulated-commands.ts';
import {
  SimulatedContainer,
  type ContainerUsage,
  type SimulatedLoad,
  type SimulatedSandbox,
} from './simulated/simulated-container.ts';
import { SimulatedImages } from './simulated/simulated-images.ts';
import { SimulatedPorts } from './simulated/simulated-port.ts';
import { SimulatedState } from './simulated/simulated-state.ts';
import { attachSession, execSession } from './simulated/simulated-session.ts';
import { taskScript } from './simulated/task-script.ts';

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /**
   * Where pods' addresses come from: a range, or one of each family with a comma between. Default `10.244.0.0/24`. `unknown`: what `setPodCidrs`
   * says, before which no pod gets a network.
   */
  readonly podCidr?: string;
  /**
   * A file in which it keeps what it has. A runtime that is opened on it again has the same pods, and their containers have gone on, save for
   * what was written to logs. Without it they end with the process.
   */
  readonly stateFile?: string;
  /** Short for a `podCidr` of 24 bits: its first three bytes. */
  readonly network?: string;
}

const NO_RANGE = {
  ready: false,
  reason: 'NetworkPluginNotReady',
  message: 'it is not known yet which addresses pods may have',
} as const;
const KILLED = 137;
const TERMINATED = 143;
const CANNOT_START = 128;
const UNHEALTHY = 1;
const NOT_BEGUN = {
  state: 'created',
  startedAtMs: 0,
  finishedAtMs: 0,
  exitCode: 0,
  reason: '',
  message: '',
} as const satisfies Partial<ContainerStatus>;

/**
 * A runtime that runs nothing: containers start, print, end and are killed as annotations of their pod say (see `Script`), by the injected
 * clock. No root, no Docker; a container that just runs costs no timer. For tests, demonstrations and clusters of thousands of nodes.
 */
export class SimulatedRuntime implements ContainerRuntime {
  readonly images: SimulatedImages;
  /**
   * What containers use, instead of what their annotations say: asked each time that statistics are, so that a load may depend on anything, such as
   * on how many containers share it. `undefined` for those that keep to their annotations.
   */
  loadOf: ((container: ContainerStatus) => SimulatedLoad | undefined) | undefined;
  readonly #clock: Clock;
  readonly #ownsRange: boolean;
  #addresses: PodAddresses | undefined;
  readonly #ports = new SimulatedPorts();
  readonly #events = new Subject<RuntimeEvent>();
  readonly #sandboxes = new Map<string, SimulatedSandbox>();
  readonly #containers = new Map<string, SimulatedContainer>();
  /** Ids of sandboxes by the uid of their pod. */
  readonly #byPod = new Map<string, Set<string>>();
  readonly #state: SimulatedState;
  readonly #usedByGone = { cpuNanoSeconds: 0, memoryBytes: 0 };

  /** Throws if the state cannot be read, or kept. */
  constructor({ clock, network = '10.244.0', podCidr = `${network}.0/24`, stateFile }: SimulatedRuntimeOptions) {
    this.#clock = clock;
    this.#ownsRange = podCidr !== 'unknown';
    this.#addresses = this.#ownsRange ? new PodAddresses(podCidr) : undefined;
    this.#state = new SimulatedState(stateFile);
    this.images = new SimulatedImages(this.#state.images, (reference) => this.#state.addImage(reference));
    for (const { config, status } of this.#state.sandboxes.values()) this.#addSandbox(config, status);
    for (const { config, status } of this.#state.containers.values()) this.#takeUp(config, status);
  }

  get events$(): Observable<RuntimeEvent> {
    return this.#events.asObservable();
  }

  async info(): Promise<RuntimeInfo> {
    // Nothing real has to be confined.
    const network = this.#addresses ? undefined : NO_RANGE;
    const abilities = { appArmor: true, imageVolumes: true, userNamespaces: true };
    return { name: 'sim', version: '1.0.0', podNetwork: false, ...abilities, ...(network && { network }) };
  }

  /** What the options say counts more. Pods keep the addresses that they have. */
  async setPodCidrs(podCidrs: readonly string[]): Promise<void> {
    if (this.#ownsRange) return;
    const addresses = new PodAddresses(podCidrs.join(','));
    for (const { status } of this.#sandboxes.values()) addresses.reserve(status.ips);
    this.#addresses = addresses;
  }

  async runSandbox(config: SandboxConfig): Promise<SandboxStatus> {
    const { pod, attempt, labels, annotations } = config;
    for (const other of this.#sandboxesOf({ podUid: pod.uid })) {
      if (other.status.attempt === attempt) await this.removeSandbox(other.status.id);
    }
    const id = newId();
    const ips = config.hostNetwork ? [] : this.#takeAddresses();
    const status: SandboxStatus = { id, pod, attempt, state: 'ready', createdAtMs: this.#clock.now(), ips, labels, annotations };
    this.#state.addSandbox({ config, status });
    this.#addSandbox(config, status);
    return status;
  }

  async stopSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox || sandbox.status.state === 'not-ready') return;
    for (const container of this.#containersIn(sandbox)) this.#finish(container, KILLED);
    this.#addresses?.giveBack(sandbox.status.ips);
    sandbox.status = { ...sandbox.status, state: 'not-ready', ips: [] };
    this.#state.endSandbox({ config: sandbox.config, status: sandbox.status });
    this.#events.next({ type: 'sandbox-stopped', podUid: sandbox.config.pod.uid });
  }

  async removeSandbox(id: string): Promise<void> {
    await this.stopSandbox(id);
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    for (const containerId of [...sandbox.containers, id]) this.#state.remove(containerId);
    for (const container of this.#containersIn(sandbox)) this.#drop(container);
    this.#sandboxes.delete(id);
    const { uid } = sandbox.config.pod;
    const siblings = this.#byPod.get(uid);
    siblings?.delete(id);
    if (siblings?.size === 0) this.#byPod.delete(uid);
  }

  async listSandboxes(_signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    return this.#sandboxesOf(only).map(({ status }) => status);
  }

  async createContainer(sandboxId: string, wanted: ContainerConfig): Promise<string> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox) throw new KeelsonError('NotFound', `No such sandbox: ${sandboxId}`);
    const config = await this.#withTask(wanted, sandbox);
    for (const { status } of this.#containersIn(sandbox)) {
      if (status.name === config.name && status.attempt === config.attempt) await this.removeContainer(status.id);
    }
    const { name, attempt, image, labels, annotations } = config;
    const found = await this.images.find(image);
    const id = newId();
    const { pod } = sandbox.config;
    const imageId = found?.repoDigests[0] ?? found?.id ?? image;
    const whose = { id, sandboxId, pod, name, attempt, image, imageId, labels, annotations };
    const status: ContainerStatus = { ...whose, ...NOT_BEGUN, createdAtMs: this.#clock.now() };
    this.#state.addContainer({ config, status });
    this.#addContainer(sandbox, config, status);
    return id;
  }

  async startContainer(id: string, signal?: AbortSignal): Promise<void> {
    const container = this.#container(id);
    const { startDelayMs, startError } = container.script;
    if (startDelayMs > 0) await this.#clock.sleep(startDelayMs, signal);
    if (startError !== undefined) {
      container.failToStart(CANNOT_START, startError);
      this.#state.setProgress(container.status);
      throw new KeelsonError('BadRequest', startError);
    }
    container.start(() => this.#ended(container));
    this.#state.setProgress(container.status);
    this.#tell('container-started', container);
  }

  async stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const container = this.#containers.get(id);
    if (!container?.isRunning) return;
    const { stopMs } = container.script;
    const isPatient = stopMs <= graceSeconds * 1000;
    const waitMs = isPatient ? stopMs : graceSeconds * 1000;
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
    this.#finish(container, isPatient && graceSeconds > 0 ? TERMINATED : KILLED);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    this.#finish(container, KILLED);
    this.#state.remove(id);
    this.#drop(container);
    container.sandbox.containers.delete(id);
    this.#tell('container-deleted', container);
  }

  async listContainers(_signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]> {
    if (!only) return [...this.#containers.values()].map(({ status }) => status);
    return this.#sandboxesOf(only).flatMap((sandbox) => this.#containersIn(sandbox).map(({ status }) => status));
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    return this.#container(id).status;
  }

  async updateResources(id: string, _resources: ContainerResources): Promise<void> {
    this.#container(id);
  }

  /** Commands are answered as `runCommand` says. */
  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    const context = this.#commandContext(this.#running(id));
    const limit = new AbortController();
    const late = new KeelsonError('Timeout', `command did not end within ${timeoutMs} ms`);
    using _timer = this.#clock.after(timeoutMs, () => limit.abort(late));
    const stop = () => limit.abort(signal?.reason);
    signal?.addEventListener('abort', stop, { once: true });
    try {
      const { exitCode, stdout, stderr } = await runCommand(command, { ...context, signal: limit.signal });
      return { exitCode, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) };
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<StreamSession> {
    return execSession(command, this.#commandContext(this.#running(id)), options);
  }

  async attach(id: string, options: StreamOptions): Promise<StreamSession> {
    const container = this.#running(id);
    const { config, ended, log } = container;
    const command = [...config.command, ...config.args];
    if (config.stdin && isShell(command[0] ?? '')) {
      const session = execSession(command, this.#commandContext(container), options);
      if (config.stdinOnce) session.exitCode.then((exitCode) => this.#finish(container, exitCode)).catch(() => undefined);
      return session;
    }
    return attachSession(log.read({ follow: true, timestamps: false, tailLines: 0 }), ended, options);
  }

  /** Answers HTTP and gRPC health checks, and sends everything else back. Refuses while no container of the pod is healthy. */
  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const sandbox = this.#sandboxes.get(sandboxId);
    if (!sandbox) throw new KeelsonError('NotFound', `No such sandbox: ${sandboxId}`);
    const containers = () => this.#containersIn(sandbox);
    if (!containers().some(({ isRunning }) => isRunning)) {
      throw new KeelsonError('BadRequest', `dial tcp4 127.0.0.1:${port}: connect: connection refused`);
    }
    const isHealthy = () => containers().some((container) => container.isHealthy());
    return this.#ports.open({ pod: sandbox.config.pod.name, isHealthy });
  }

  async logs(id: string, options: LogOptions): Promise<Readable> {
    return this.#container(id).log.read(options);
  }

  async stats(): Promise<readonly ContainerStats[]> {
    const running = [...this.#containers.values()].filter(({ isRunning }) => isRunning);
    return running.map((container) => ({ containerId: container.status.id, ...this.#stats(this.#usage(container)) }));
  }

  /** Nothing but containers uses a simulated machine. What those used that are gone stays used. */
  async machineStats(): Promise<MachineStats> {
    let { cpuNanoSeconds, memoryBytes } = this.#usedByGone;
    for (const container of this.#containers.values()) {
      const usage = this.#usage(container);
      cpuNanoSeconds += usage.cpuNanoSeconds;
      memoryBytes += usage.memoryBytes;
    }
    return this.#stats({ cpuNanoSeconds, memoryBytes });
  }

  async close(): Promise<void> {
    for (const container of this.#containers.values()) container.stopTimers();
    this.#ports.close();
    this.#state.close();
    this.#events.complete();
  }

  #usage(container: SimulatedContainer): ContainerUsage {
    return container.usage(container.isRunning ? this.loadOf?.(container.status) : undefined);
  }

  #stats({ cpuNanoSeconds, memoryBytes }: ContainerUsage): MachineStats {
    const memory = { memoryWorkingSetBytes: memoryBytes, memoryUsageBytes: memoryBytes, memoryRssBytes: memoryBytes };
    return { atMs: this.#clock.now(), cpuUsageNanoSeconds: cpuNanoSeconds, ...memory };
  }

  #drop(container: SimulatedContainer): void {
    this.#usedByGone.cpuNanoSeconds += this.#usage(container).cpuNanoSeconds;
    this.#containers.delete(container.status.id);
  }

  #sandboxesOf(only: PodFilter | undefined): SimulatedSandbox[] {
    if (!only) return [...this.#sandboxes.values()];
    return [...(this.#byPod.get(only.podUid) ?? [])].flatMap((id) => this.#sandboxes.get(id) ?? []);
  }

  #containersIn(sandbox: SimulatedSandbox): SimulatedContainer[] {
    return [...sandbox.containers].flatMap((id) => this.#containers.get(id) ?? []);
  }

  #container(id: string): SimulatedContainer {
    const container = this.#containers.get(id);
    if (!container) throw new KeelsonError('NotFound', `No such container: ${id}`);
    return container;
  }

  #running(id: string): SimulatedContainer {
    const container = this.#container(id);
    if (!container.isRunning) throw new KeelsonError('BadRequest', `Container ${id} is not running`);
    return container;
  }

  #commandContext(container: SimulatedContainer): CommandContext {
    const otherExitCode = container.isHealthy() ? 0 : UNHEALTHY;
    return { config: container.config, hostname: container.sandbox.config.hostname, clock: this.#clock, otherExitCode };
  }

  #finish(container: SimulatedContainer, exitCode: number): void {
    if (container.end(exitCode)) this.#ended(container);
  }

  #ended(container: SimulatedContainer): void {
    this.#state.setProgress(container.status);
    this.#tell('container-stopped', container);
  }

  /** What is meant to end gets its end, unless annotations of its pod say how long it runs, or somebody is to talk to it. */
  async #withTask(config: ContainerConfig, { config: { annotations, hostname } }: SimulatedSandbox): Promise<ContainerConfig> {
    if (!config.isTask || config.stdin || annotations[annotationOf(config.name, 'run-seconds')] !== undefined) return config;
    const script = await taskScript(config, { hostname, now: this.#clock.now() });
    return { ...config, annotations: { ...config.annotations, ...script } };
  }

  #takeAddresses(): readonly string[] {
    if (this.#addresses) return this.#addresses.take();
    throw new KeelsonError('ServiceUnavailable', NO_RANGE.message);
  }

  #addSandbox(config: SandboxConfig, status: SandboxStatus): void {
    this.#sandboxes.set(status.id, { config, status, containers: new Set() });
    const { uid } = config.pod;
    this.#byPod.set(uid, (this.#byPod.get(uid) ?? new Set()).add(status.id));
    this.#addresses?.reserve(status.ips);
  }

  #addContainer(sandbox: SimulatedSandbox, config: ContainerConfig, status: ContainerStatus): SimulatedContainer {
    const script = scriptOf(config.name, { ...config.annotations, ...sandbox.config.annotations });
    const container = new SimulatedContainer(this.#clock, { config, script, sandbox, status });
    this.#containers.set(status.id, container);
    sandbox.containers.add(status.id);
    return container;
  }

  #takeUp(config: ContainerConfig, status: ContainerStatus): void {
    const sandbox = this.#sandboxes.get(status.sandboxId);
    if (!sandbox) return;
    const container = this.#addContainer(sandbox, config, status);
    if (status.state !== 'created') container.goOn(() => this.#ended(container));
  }

  #tell(type: RuntimeEvent['type'], { status }: SimulatedContainer): void {
    this.#events.next({ type, podUid: status.pod.uid, containerId: status.id });
  }
}

function newId(): string {
  return randomBytes(32).toString('hex');
}
