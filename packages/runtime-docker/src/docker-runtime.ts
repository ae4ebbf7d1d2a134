import type { Duplex, Readable } from 'node:stream';
import { errorMessage, KeelsonError, silentLogger, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type {
  ContainerConfig,
  ContainerDiskUsage,
  ContainerResources,
  ContainerRuntime,
  ContainerStats,
  ContainerStatus,
  ExecResult,
  Images,
  LogLimits,
  LogOptions,
  PodFilter,
  PodNetwork,
  RuntimeEvent,
  RuntimeInfo,
  SandboxConfig,
  SandboxNetworkUsage,
  SandboxStatus,
  StreamOptions,
  StreamSession,
} from '@keelson/runtime';
import type { Observable } from 'rxjs';
import { EngineAbilities } from './abilities.ts';
import { Containers } from './containers.ts';
import { DockerImages } from './docker-images.ts';
import { engineAddress } from './engine/engine-address.ts';
import { EngineClient } from './engine/engine-client.ts';
import { EngineEvents, type FollowedEvent } from './engine-events.ts';
import { ImageVolumes } from './image-volumes.ts';
import { Inspector } from './inspector.ts';
import { logs } from './logs.ts';
import { OomKills } from './oom-kills.ts';
import { portForward } from './port-forward.ts';
import { Processes } from './processes.ts';
import { CLUSTER_LABEL, KIND_LABEL, recordOf } from './record.ts';
import { AttachedNetwork, EngineNetwork, type SandboxNetwork } from './sandbox-network.ts';
import { Sandboxes } from './sandboxes.ts';
import { containerStats } from './stats.ts';
import { containerDiskUsage, sandboxNetworkUsage } from './usage.ts';

export interface DockerRuntimeOptions {
  readonly clock: Clock;
  readonly logger?: Logger;
  /** `unix:///path` or `tcp://host:port`. Default: `$DOCKER_HOST`, or `/var/run/docker.sock`. */
  readonly host?: string;
  /** Docker's network that pods join. Default `bridge`. */
  readonly network?: string;
  /** Gives pods their network instead of Docker: on this machine, which has to be the engine's. Calls to it outlive none of the runtime's. */
  readonly podNetwork?: PodNetwork;
  /** Tells clusters that share an engine apart: none sees the pods of another. */
  readonly cluster?: string;
  /** The cgroup under which those of pods are made. Kubelets on one machine need one each. Default `keelson`. */
  readonly cgroupRoot?: string;
  /** Of each container. Default: 5 files of 10 MiB. */
  readonly logLimits?: LogLimits;
  /** How long the engine may take for an ordinary answer. Default 30,000. */
  readonly timeoutMs?: number;
}

const LOG_LIMITS: LogLimits = { maxFileBytes: 10 * 1024 * 1024, maxFiles: 5 };

/**
 * Runs pods on a Docker engine, by the Engine API 1.41 (Docker 20.10) and later. A pod's sandbox is a container that owns its network and
 * IPC; the others join it. Who they are stands in their labels, so nothing is kept outside the engine.
 */
export class DockerRuntime implements ContainerRuntime {
  readonly images: Images;
  readonly #engine: EngineClient;
  readonly #abilities: EngineAbilities;
  readonly #inspector: Inspector;
  readonly #events: EngineEvents;
  readonly #oomKills: OomKills;
  readonly #sandboxes: Sandboxes;
  readonly #containers: Containers;
  readonly #processes: Processes;
  readonly #imageVolumes: ImageVolumes;
  readonly #network: SandboxNetwork;
  readonly #podNetwork: PodNetwork | undefined;
  readonly #tasks: TaskGroup;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #cluster: string;
  #logLimits: LogLimits;

  constructor(options: DockerRuntimeOptions) {
    const { clock, logger = silentLogger, host, network = 'bridge', cgroupRoot = 'keelson', logLimits = LOG_LIMITS } = options;
    const { cluster = '', podNetwork } = options;
    const owned = `${CLUSTER_LABEL}=${cluster}`;
    const engine = new EngineClient(engineAddress(host), options.timeoutMs);
    const images = new DockerImages(engine);
    const inspector = new Inspector(engine, owned);
    const abilities = new EngineAbilities(engine);
    this.images = images;
    this.#engine = engine;
    this.#abilities = abilities;
    this.#inspector = inspector;
    this.#podNetwork = podNetwork;
    this.#network = podNetwork ? new AttachedNetwork(podNetwork) : new EngineNetwork(engine, network);
    this.#tasks = new TaskGroup(logger);
    this.#logger = logger;
    this.#clock = clock;
    this.#oomKills = new OomKills(clock);
    this.#cluster = cluster;
    this.#logLimits = logLimits;
    this.#events = new EngineEvents({ engine, clock, logger, owned }, (event) => this.#onEvent(event));
    this.#sandboxes = new Sandboxes({ engine, inspector, abilities, network: this.#network, cgroupRoot });
    this.#imageVolumes = new ImageVolumes({ engine, cluster });
    const [imageVolumes, oomKills, limits] = [this.#imageVolumes, this.#oomKills, () => this.#logLimits];
    this.#containers = new Containers({ engine, inspector, abilities, images, imageVolumes, oomKills, logLimits: limits });
    this.#processes = new Processes({ engine, inspector, clock, tasks: this.#tasks });
  }

  get events$(): Observable<RuntimeEvent> {
    return this.#events.events$;
  }

  async info(signal?: AbortSignal): Promise<RuntimeInfo> {
    const { Version: version } = await this.#engine.json<{ Version: string }>({ method: 'GET', path: '/version', signal });
    const { SecurityOptions } = await this.#abilities.info();
    const appArmor = (SecurityOptions ?? []).some((option) => option.split(',')[0] === 'name=apparmor');
    return { name: 'docker', version, podNetwork: true, appArmor, imageVolumes: true, ...(await this.#network.info(signal)) };
  }

  async setPodCidrs(podCidrs: readonly string[]): Promise<void> {
    await this.#podNetwork?.setPodCidrs(podCidrs);
  }

  #own<T extends { readonly labels: Readonly<Record<string, string>> }>(config: T): T {
    return { ...config, labels: { ...config.labels, [CLUSTER_LABEL]: this.#cluster } };
  }

  runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    return this.#sandboxes.run(this.#own(config), signal);
  }

  stopSandbox(id: string, signal?: AbortSignal): Promise<void> {
    return this.#sandboxes.stop(id, signal);
  }

  async removeSandbox(id: string, signal?: AbortSignal): Promise<void> {
    await this.#sandboxes.remove(id, signal);
    await this.#imageVolumes.collect(signal);
  }

  updateSandbox(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    return this.#sandboxes.update(id, resources, signal);
  }

  listSandboxes(signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    return this.#sandboxes.list(signal, only);
  }

  createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string> {
    return this.#containers.create(sandboxId, this.#own(config), signal);
  }

  startContainer(id: string, signal?: AbortSignal): Promise<void> {
    return this.#containers.start(id, signal);
  }

  stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    return this.#containers.stop(id, graceSeconds, signal);
  }

  removeContainer(id: string, signal?: AbortSignal): Promise<void> {
    return this.#containers.remove(id, signal);
  }

  listContainers(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]> {
    return this.#containers.list(signal, only);
  }

  containerStatus(id: string, signal?: AbortSignal): Promise<ContainerStatus> {
    return this.#containers.status(id, signal);
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
    const { Config } = await this.#inspector.one(sandboxId, signal);
    if (Config.Labels[KIND_LABEL] !== 'sandbox') throw new KeelsonError('NotFound', `No such sandbox: ${sandboxId}`);
    return portForward(this.#engine, sandboxId, port, signal);
  }

  async logs(id: string, options: LogOptions, signal?: AbortSignal): Promise<Readable> {
    const { Config } = await this.#inspector.one(id, signal);
    if (!recordOf(Config.Labels)?.container) throw new KeelsonError('NotFound', `No such container: ${id}`);
    return logs(this.#engine, { containerId: id, tty: Config.Tty }, options, signal);
  }

  limitLogs(limits: LogLimits): void {
    this.#logLimits = limits;
  }

  async stats(signal?: AbortSignal): Promise<readonly ContainerStats[]> {
    const all = await this.#inspector.all('container', signal);
    const running = all.filter(({ State }) => State.Running);
    return containerStats({ engine: this.#engine, clock: this.#clock }, running, signal);
  }

  async diskUsage(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerDiskUsage[]> {
    const all = await this.#inspector.all('container', signal, only);
    const running = all.filter(({ State }) => State.Running);
    return containerDiskUsage(this.#engine, running, signal);
  }

  async networkUsage(signal?: AbortSignal): Promise<readonly SandboxNetworkUsage[]> {
    return sandboxNetworkUsage(this.#engine, await this.#inspector.all('sandbox', signal), signal);
  }

  async close(): Promise<void> {
    await this.#events.close();
    await this.#tasks.stop();
    this.#engine.close();
  }

  #onEvent(event: FollowedEvent): void {
    this.#inspector.onEvent(event);
    if (event === 'lost') this.#abilities.forgetPauseImage();
    // From now on no removal is missed; what was removed before has to be looked for.
    if (event === 'connected') this.#clearUp((signal) => this.#sandboxes.clearUp(signal));
    if (isRemovalOfSandbox(event)) this.#clearUp((signal) => this.#network.detach(event.Actor.ID, signal));
    if (typeof event === 'object' && event.Action === 'oom') this.#oomKills.note(event.Actor.ID, event.timeNano / 1e6);
  }

  #clearUp(giveUp: (signal: AbortSignal) => Promise<void>): void {
    this.#tasks.run('give up networks of lost pods', async (signal) => {
      await giveUp(signal).catch((error: unknown) => {
        // The next start tries it again.
        if (!signal.aborted) this.#logger.warn('networks of lost pods could not be given up', { error: errorMessage(error) });
      });
    });
  }
}

function isRemovalOfSandbox(event: FollowedEvent): event is Exclude<FollowedEvent, string> {
  return typeof event === 'object' && event.Action === 'destroy' && event.Actor.Attributes[KIND_LABEL] === 'sandbox';
}
