import type { Duplex, Readable } from 'node:stream';
import { errorMessage, isReason, KeelsonError, silentLogger, type Clock, type Logger } from '@keelson/base';
import {
  criLog,
  type ContainerConfig,
  type ContainerDiskUsage,
  type ContainerResources,
  type ContainerRuntime,
  type ContainerStats,
  type ContainerStatus,
  type ExecResult,
  type Images,
  type LogLimits,
  type LogOptions,
  type PodFilter,
  type PodNetworkStatus,
  type RuntimeEvent,
  type RuntimeInfo,
  type SandboxConfig,
  type SandboxNetworkUsage,
  type SandboxStatus,
  type StreamOptions,
  type StreamSession,
} from '@keelson/runtime';
import type { Observable } from 'rxjs';
import { GET_CONTAINER_EVENTS, STATUS, UPDATE_RUNTIME_CONFIG, VERSION } from './api/methods.ts';
import { CONTAINER_STATES, SANDBOX_READY } from './api/parts.ts';
import { Containers } from './containers.ts';
import { CriClient } from './cri-client.ts';
import { CriImages } from './cri-images.ts';
import { CONTAINERD_ENDPOINT } from './endpoint.ts';
import { LogKeeper } from './log-keeper.ts';
import type { LogKeeping } from './log-rotation.ts';
import { mountsImages } from './image-volumes.ts';
import { kernelHasAppArmor } from './kernel.ts';
import { cniConfigDir, writeDefaultNetwork } from './node-network.ts';
import { portForward } from './port-forward.ts';
import { Processes } from './processes.ts';
import { podUidOf } from './record.ts';
import { Relist, type Snapshot } from './relist.ts';
import { Sandboxes } from './sandboxes.ts';
import type { NodeSettings } from './specs.ts';
import { containerDiskUsage, containerStats, sandboxNetworkUsage } from './stats.ts';

export interface CriRuntimeOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** `unix:///PATH` of the runtime's socket. Default `unix:///run/containerd/containerd.sock`. */
  readonly endpoint?: string;
  /** Tells clusters that share a runtime apart: none sees the pods of another. */
  readonly cluster?: string;
  /** The cgroup under which those of pods are made. Kubelets on one machine need one each. Default `keelson`. */
  readonly cgroupRoot?: string;
  /** As the runtime is configured. Default `cgroupfs`. */
  readonly cgroupDriver?: 'cgroupfs' | 'systemd';
  /** Where logs are written, a directory a pod. Default `/var/log/pods`. */
  readonly logRoot?: string;
  /** Of each container. Default: 5 files of 10 MiB. */
  readonly logLimits?: LogKeeping;
  /**
   * A runtime without a network gets a bridge over the node's pod CIDRs, by a configuration that is written where the runtime says that it
   * looks for one. Absent: that is somebody else's affair.
   */
  readonly defaultNetwork?: { readonly bridge: string; readonly stateDir: string };
  /** How long the runtime may take for an ordinary answer. Default 30,000. */
  readonly timeoutMs?: number;
}

const LOG_LIMITS: LogKeeping = { maxFileBytes: 10 * 1024 * 1024, maxFiles: 5 };

/**
 * Runs pods on a runtime that speaks CRI v1: containerd, CRI-O and others. All that it knows of a pod stands in annotations that the runtime
 * keeps, so a process that is killed finds its pods again.
 */
export class CriRuntime implements ContainerRuntime {
  readonly images: Images;
  readonly #client: CriClient;
  readonly #clock: Clock;
  readonly #node: NodeSettings;
  readonly #sandboxes: Sandboxes;
  readonly #containers: Containers;
  readonly #processes: Processes;
  readonly #relist: Relist;
  readonly #logs: LogKeeper;
  readonly #defaultNetwork: CriRuntimeOptions['defaultNetwork'];

  constructor(options: CriRuntimeOptions) {
    const { clock, logger = silentLogger, endpoint = CONTAINERD_ENDPOINT, timeoutMs = 30_000, cluster = '' } = options;
    const { cgroupRoot = 'keelson', cgroupDriver = 'cgroupfs', logRoot = '/var/log/pods', logLimits = LOG_LIMITS } = options;
    const client = new CriClient({ endpoint, clock, timeoutMs });
    this.#node = { cluster, cgroupRoot, cgroupDriver, logRoot };
    this.#client = client;
    this.#clock = clock;
    this.#sandboxes = new Sandboxes(client, this.#node);
    this.#containers = new Containers({ client, node: this.#node, sandboxes: this.#sandboxes });
    this.#processes = new Processes({ client, clock, containers: this.#containers });
    this.images = new CriImages(client);
    this.#relist = new Relist({
      clock,
      logger,
      look: (signal) => this.#snapshot(signal),
      follow: (changed, signal) => this.#follow(changed, signal),
    });
    this.#logs = new LogKeeper({ client, clock, logger, containers: this.#containers }, logLimits);
    this.#defaultNetwork = options.defaultNetwork;
  }

  get events$(): Observable<RuntimeEvent> {
    this.#logs.start();
    return this.#relist.events$;
  }

  async info(signal?: AbortSignal): Promise<RuntimeInfo> {
    const call = { signal, isRepeatable: true };
    const [{ runtimeName, runtimeVersion }, { status }] = await Promise.all([
      this.#client.call(VERSION, {}, call),
      this.#client.call(STATUS, {}, call),
    ]);
    const condition = (type: string) => status?.conditions.find((one) => one.type === type);
    const ready = condition('RuntimeReady');
    if (ready && !ready.status) throw new KeelsonError('ServiceUnavailable', `${ready.reason}: ${ready.message}`);
    const network = condition('NetworkReady');
    const isReady = network?.status ?? true;
    const networkStatus: PodNetworkStatus = isReady
      ? { ready: true }
      : {
          ready: false,
          reason: network?.reason ?? '',
          message: (network?.message ?? '').replace(/^Network plugin returns error: /, ''),
        };
    const version = runtimeVersion.replace(/^v/, '');
    const abilities = { appArmor: await kernelHasAppArmor(), imageVolumes: mountsImages(runtimeName, version) };
    return { name: runtimeName, version, podNetwork: true, network: networkStatus, ...abilities };
  }

  async setPodCidrs(podCidrs: readonly string[], signal?: AbortSignal): Promise<void> {
    const call = { signal, isRepeatable: true };
    const runtimeConfig = { networkConfig: { podCidr: podCidrs.join(',') } };
    await this.#client.call(UPDATE_RUNTIME_CONFIG, { runtimeConfig }, call);
    if (!this.#defaultNetwork || podCidrs.length === 0) return;
    const configDir = await this.cniConfigDir(signal);
    if (configDir !== undefined) await writeDefaultNetwork(configDir, { podCidrs, ...this.#defaultNetwork });
  }

  /** Where the runtime looks for the configuration of its network; `undefined` if it does not say. */
  async cniConfigDir(signal?: AbortSignal): Promise<string | undefined> {
    const { info } = await this.#client.call(STATUS, { verbose: true }, { signal, isRepeatable: true });
    return cniConfigDir(info);
  }

  async runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    const sandbox = await this.#sandboxes.run(config, signal);
    this.#relist.made('sandboxes', sandbox.id, { state: sandbox.state, podUid: sandbox.pod.uid });
    return sandbox;
  }

  async stopSandbox(id: string, signal?: AbortSignal): Promise<void> {
    await this.#sandboxes.stop(id, signal).finally(this.#relist.changed);
  }

  async removeSandbox(id: string, signal?: AbortSignal): Promise<void> {
    await this.#sandboxes.remove(id, signal).finally(this.#relist.changed);
  }

  updateSandbox(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    return this.#sandboxes.update(id, resources, signal);
  }

  listSandboxes(signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    return this.#sandboxes.list(signal, only);
  }

  async createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string> {
    const { id, podUid } = await this.#containers.create(sandboxId, config, signal);
    this.#relist.made('containers', id, { state: 'created', podUid });
    return id;
  }

  async startContainer(id: string, signal?: AbortSignal): Promise<void> {
    await this.#containers.start(id, signal).finally(this.#relist.changed);
  }

  async stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    await this.#containers.stop(id, graceSeconds, signal).finally(this.#relist.changed);
  }

  async removeContainer(id: string, signal?: AbortSignal): Promise<void> {
    await this.#containers.remove(id, signal).finally(this.#relist.changed);
  }

  async listContainers(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]> {
    return (await this.#containers.all(signal, only)).map(({ status }) => status);
  }

  async containerStatus(id: string, signal?: AbortSignal): Promise<ContainerStatus> {
    return (await this.#containers.get(id, signal)).status;
  }

  updateResources(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    return this.#containers.update(id, resources, signal);
  }

  execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    return this.#processes.execSync(id, command, timeoutMs, signal);
  }

  exec(id: string, command: readonly string[], options: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    return this.#processes.exec(id, command, options, signal);
  }

  attach(id: string, options: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    return this.#processes.attach(id, options, signal);
  }

  async portForward(sandboxId: string, port: number, signal?: AbortSignal): Promise<Duplex> {
    await this.#sandboxes.get(sandboxId, signal);
    return portForward(this.#client, sandboxId, port, signal);
  }

  async logs(id: string, options: LogOptions, signal?: AbortSignal): Promise<Readable> {
    const { logPath } = await this.#containers.get(id, signal);
    const isOpen = async () => {
      const known = await this.#containers.get(id).catch((error: unknown) => {
        // While the runtime is away its containers go on.
        if (isReason(error, 'NotFound')) return undefined;
        return errorMessage(error);
      });
      return typeof known === 'string' || (known?.status.state ?? 'exited') !== 'exited';
    };
    return criLog({ path: logPath, clock: this.#clock, isOpen }, options, signal);
  }

  limitLogs(limits: LogLimits): void {
    this.#logs.limit(limits);
  }

  stats(signal?: AbortSignal): Promise<readonly ContainerStats[]> {
    return containerStats(this.#client, this.#node.cluster, signal);
  }

  async diskUsage(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerDiskUsage[]> {
    const running = (await this.#containers.all(signal, only)).filter(({ status }) => status.state === 'running');
    return containerDiskUsage(this.#client, this.#node.cluster, running, { signal, only });
  }

  networkUsage(signal?: AbortSignal): Promise<readonly SandboxNetworkUsage[]> {
    return sandboxNetworkUsage(this.#client, this.#node.cluster, signal);
  }

  async close(): Promise<void> {
    await Promise.all([this.#relist.close(), this.#logs.stop()]);
    this.#client[Symbol.dispose]();
  }

  async #snapshot(signal: AbortSignal): Promise<Snapshot> {
    const [sandboxes, containers] = await Promise.all([this.#sandboxes.listed(signal), this.#containers.listed(signal)]);
    return {
      sandboxes: new Map(
        sandboxes.map(({ id, state, labels }) => [
          id,
          { state: state === SANDBOX_READY ? 'ready' : 'not-ready', podUid: podUidOf(labels) },
        ]),
      ),
      containers: new Map(
        containers.map(({ id, state, labels }) => [
          id,
          { state: CONTAINER_STATES[state] ?? 'unknown', podUid: podUidOf(labels) },
        ]),
      ),
    };
  }

  async #follow(changed: () => void, signal: AbortSignal): Promise<void> {
    const stream = await this.#client.stream(GET_CONTAINER_EVENTS, {}, signal);
    for await (const _event of stream.messages) changed();
  }
}
