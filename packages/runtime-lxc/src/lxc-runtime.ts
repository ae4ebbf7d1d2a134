import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import type { Duplex, Readable } from 'node:stream';
import { silentLogger, type Clock, type Logger } from '@keelson/base';
import {
  cgroupUsage,
  criLog,
  diskUsage,
  interfaceUsage,
  logUsage,
  type ContainerConfig,
  type ContainerDiskUsage,
  type ContainerResources,
  type ContainerRuntime,
  type ContainerStats,
  type ContainerStatus,
  type ExecResult,
  type LogLimits,
  type LogOptions,
  type PodFilter,
  type PodNetwork,
  type RuntimeEvent,
  type RuntimeInfo,
  type SandboxConfig,
  type SandboxNetworkUsage,
  type SandboxStatus,
  type StreamOptions,
  type StreamSession,
} from '@keelson/runtime';
import { Subject, type Observable } from 'rxjs';
import { Cgroups } from './cgroups.ts';
import { Containers } from './containers.ts';
import { Exits } from './exits.ts';
import { ImageStore } from './images/image-store.ts';
import { LxcImages } from './images/lxc-images.ts';
import { Layout } from './layout.ts';
import { lxcVersion, programPath } from './lxc-available.ts';
import { portForward } from './port-forward.ts';
import { Processes } from './processes.ts';
import { Sandboxes } from './sandboxes.ts';
import { installShim } from './shim/shim-program.ts';

export interface LxcRuntimeOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** Gives sandboxes their network. Closed by whoever made it. */
  readonly network: PodNetwork;
  /** Where everything is that belongs to this node: one for each, on a file system that overlays can be made of. */
  readonly rootDir: string;
  /** Where images are, if others share them. Default: in `rootDir`. */
  readonly imagesDir?: string;
  /** Default: one of its own in `/run/keelson-lxc`. Short, since it is part of the path of sockets. */
  readonly socketDir?: string;
  /** The cgroup under which those of pods are made. Kubelets on one machine need one each. Default `keelson`. */
  readonly cgroupRoot?: string;
  /** Of each container. Default: 5 files of 10 MiB. */
  readonly logLimits?: LogLimits;
  /** Where pods reach the node, if that is known. */
  readonly hostAddress?: string;
}

const LOG_LIMITS: LogLimits = { maxFileBytes: 10 * 1024 * 1024, maxFiles: 5 };

/**
 * Runs pods on system LXC. A sandbox is a process that holds namespaces; each container is a monitor of LXC with a small program beside it,
 * the shim, which outlives this process: it writes the log, notes down the end, and lets others attach. Who they are stands in files.
 */
export class LxcRuntime implements ContainerRuntime {
  readonly images: LxcImages;
  readonly #layout: Layout;
  readonly #network: PodNetwork;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #hostAddress: string | undefined;
  readonly #events = new Subject<RuntimeEvent>();
  readonly #exits: Exits;
  readonly #sandboxes: Sandboxes;
  readonly #containers: Containers;
  readonly #processes: Processes;
  #shim = '';
  #logLimits: LogLimits;
  #opened: Promise<void> | undefined;

  constructor(options: LxcRuntimeOptions) {
    const { clock, logger = silentLogger, network, rootDir, cgroupRoot = 'keelson', logLimits = LOG_LIMITS } = options;
    const socketDir = options.socketDir ?? `/run/keelson-lxc/${createHash('sha256').update(rootDir).digest('hex').slice(0, 12)}`;
    const layout = new Layout(rootDir, socketDir);
    const cgroups = new Cgroups();
    const images = new ImageStore(options.imagesDir ?? layout.images);
    const shim = () => this.#shim;
    this.#layout = layout;
    this.#network = network;
    this.#clock = clock;
    this.#logger = logger;
    this.#hostAddress = options.hostAddress;
    this.#logLimits = logLimits;
    this.#exits = new Exits(layout.exits, (id) => this.#ended(id));
    const exits = this.#exits;
    const shared = { layout, exits, cgroups, clock, cgroupRoot, shim };
    this.#sandboxes = new Sandboxes({ ...shared, network });
    const lxcStart = programPath('lxc-start') ?? 'lxc-start';
    const lxcAttach = programPath('lxc-attach') ?? 'lxc-attach';
    this.#containers = new Containers({
      ...shared,
      images,
      sandboxes: this.#sandboxes,
      logLimits: () => this.#logLimits,
      lxcStart,
    });
    this.#processes = new Processes({ containers: this.#containers, layout, clock, shim, lxcAttach });
    this.images = new LxcImages(images, () => this.#containers.trees());
  }

  get events$(): Observable<RuntimeEvent> {
    return this.#events.asObservable();
  }

  async info(signal?: AbortSignal): Promise<RuntimeInfo> {
    const network = await this.#network.status(signal);
    const hostAddress = this.#hostAddress;
    const version = await lxcVersion();
    return {
      name: 'lxc',
      version,
      podNetwork: true,
      network,
      imageVolumes: true,
      ...(hostAddress !== undefined && { hostAddress }),
    };
  }

  setPodCidrs(podCidrs: readonly string[]): Promise<void> {
    return this.#network.setPodCidrs(podCidrs);
  }

  async runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    await this.#open();
    for (const older of this.#sandboxes.ofPod(config.pod.uid, config.attempt)) await this.removeSandbox(older);
    return this.#sandboxes.run(config, signal);
  }

  async stopSandbox(id: string, signal?: AbortSignal): Promise<void> {
    await this.#open();
    await Promise.all(this.#containers.of(id).map((container) => this.#containers.stop(container.id, 0, signal)));
    await this.#sandboxes.stop(id);
  }

  async removeSandbox(id: string, signal?: AbortSignal): Promise<void> {
    await this.stopSandbox(id, signal);
    for (const container of this.#containers.of(id)) await this.removeContainer(container.id);
    await this.#sandboxes.remove(id);
  }

  async updateSandbox(id: string, resources: ContainerResources): Promise<void> {
    await this.#open();
    await this.#sandboxes.update(id, resources);
  }

  async listSandboxes(_signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    await this.#open();
    return this.#sandboxes.list(only);
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    await this.#open();
    return this.#containers.create(sandboxId, config);
  }

  async startContainer(id: string): Promise<void> {
    await this.#open();
    await this.#containers.start(id);
    this.#tell('container-started', id);
  }

  async stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    await this.#open();
    await this.#containers.stop(id, graceSeconds, signal);
  }

  async removeContainer(id: string): Promise<void> {
    await this.#open();
    const podUid = this.#containers.podUidOf(id);
    if (podUid === undefined) return;
    await this.#containers.remove(id);
    this.#events.next({ type: 'container-deleted', podUid, containerId: id });
  }

  async listContainers(_signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]> {
    await this.#open();
    return this.#containers.list(only);
  }

  async containerStatus(id: string): Promise<ContainerStatus> {
    await this.#open();
    return this.#containers.status(id);
  }

  async updateResources(id: string, resources: ContainerResources): Promise<void> {
    await this.#open();
    await this.#containers.update(id, resources);
  }

  async execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    await this.#open();
    return this.#processes.execSync(id, command, timeoutMs, signal);
  }

  async exec(id: string, command: readonly string[], options: StreamOptions): Promise<StreamSession> {
    await this.#open();
    return this.#processes.exec(id, command, options);
  }

  async attach(id: string, options: StreamOptions): Promise<StreamSession> {
    await this.#open();
    return this.#processes.attach(id, options);
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    await this.#open();
    return portForward({ shim: this.#shim, namespacePath: this.#sandboxes.networkNamespace(sandboxId), port });
  }

  async logs(id: string, options: LogOptions, signal?: AbortSignal): Promise<Readable> {
    await this.#open();
    this.#containers.record(id);
    const isOpen = () => this.#containers.life(id).state !== 'exited';
    return criLog({ path: this.#layout.container(id, 'log'), isOpen, clock: this.#clock }, options, signal);
  }

  limitLogs(limits: LogLimits): void {
    this.#logLimits = limits;
  }

  async stats(): Promise<readonly ContainerStats[]> {
    await this.#open();
    const all = this.#containers.allRunning().map(async ({ id, cgroup }): Promise<ContainerStats | undefined> => {
      const usage = await cgroupUsage(cgroup.slice(0, cgroup.lastIndexOf('/')), id);
      if (!usage) return undefined;
      const { memoryInactiveFileBytes, ...known } = usage;
      const memoryWorkingSetBytes = Math.max(0, usage.memoryUsageBytes - memoryInactiveFileBytes);
      return { containerId: id, atMs: this.#clock.now(), ...known, memoryWorkingSetBytes };
    });
    return (await Promise.all(all)).filter((stats) => stats !== undefined);
  }

  async diskUsage(_signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerDiskUsage[]> {
    await this.#open();
    const found: ContainerDiskUsage[] = [];
    for (const { id, pod } of this.#containers.allRunning()) {
      if (only && pod.uid !== only.podUid) continue;
      const writableLayer = await diskUsage(this.#layout.container(id, 'upper'));
      const logs = await logUsage(this.#layout.container(id, 'log'));
      found.push({ containerId: id, writableLayer, ...(logs && { logs }) });
    }
    return found;
  }

  async networkUsage(): Promise<readonly SandboxNetworkUsage[]> {
    await this.#open();
    const all = this.#sandboxes.ready().filter(({ record }) => !record.config.hostNetwork);
    return Promise.all(
      all.map(async ({ pid, record }) => ({ sandboxId: record.id, interfaces: await interfaceUsage(`/proc/${pid}`) })),
    );
  }

  async close(): Promise<void> {
    this.#exits.close();
    this.#events.complete();
  }

  #open(): Promise<void> {
    this.#opened ??= this.#load();
    this.#opened.catch(() => (this.#opened = undefined));
    return this.#opened;
  }

  async #load(): Promise<void> {
    const { programs, sandboxes, containers, sockets } = this.#layout;
    this.#shim = await installShim(programs);
    for (const directory of [sandboxes, containers, sockets]) await mkdir(directory, { recursive: true, mode: 0o700 });
    this.#exits.open();
    await this.#sandboxes.load();
    await this.#containers.load();
  }

  #ended(id: string): void {
    const podUid = this.#sandboxes.podUidOf(id);
    if (podUid !== undefined) return this.#events.next({ type: 'sandbox-stopped', podUid });
    this.#tell('container-stopped', id);
    this.#containers
      .afterEnd(id)
      .catch((error: unknown) => this.#logger.warn('processes of a container were left', { id, error }));
  }

  #tell(type: RuntimeEvent['type'], containerId: string): void {
    const podUid = this.#containers.podUidOf(containerId);
    if (podUid !== undefined) this.#events.next({ type, podUid, containerId });
  }
}
