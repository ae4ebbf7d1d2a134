import type { Duplex, Readable } from 'node:stream';
import { KeelsonError } from '@keelson/base';
import { map, merge, type Observable } from 'rxjs';
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
  PullCredentials,
  RuntimeEvent,
  RuntimeInfo,
  SandboxConfig,
  SandboxNetworkUsage,
  SandboxStatus,
  StreamOptions,
  StreamSession,
} from './container-runtime.ts';

export interface RuntimeRouterOptions {
  /** Runs pods that name no handler. Its ids stay as they are. */
  readonly main: ContainerRuntime;
  /** By handler, as `RuntimeClass` names it. The main runtime may be among them. Ids get the handler before them: `lxc://ID`. */
  readonly handlers: ReadonlyMap<string, ContainerRuntime>;
  /** The main runtime has handlers of its own: what is not known here is passed on to it, instead of refused. */
  readonly passesOn?: boolean;
}

/**
 * Several runtimes on one node, as one: the handler of a pod's RuntimeClass says where it runs. Everything else finds its way by ids, so nothing is
 * remembered here.
 */
export class RuntimeRouter implements ContainerRuntime {
  readonly events$: Observable<RuntimeEvent>;
  readonly images: Images;
  readonly machineStats?: (signal?: AbortSignal) => Promise<MachineStats>;
  readonly #main: ContainerRuntime;
  readonly #handlers: ReadonlyMap<string, ContainerRuntime>;
  /** Those that are not the main one, by the name that is before their ids. */
  readonly #others: ReadonlyMap<string, ContainerRuntime>;
  readonly #passesOn: boolean;

  constructor({ main, handlers, passesOn = false }: RuntimeRouterOptions) {
    this.#main = main;
    this.#handlers = handlers;
    this.#passesOn = passesOn;
    this.#others = new Map([...handlers].filter(([, runtime]) => runtime !== main));
    const events = [...this.#others].map(([name, runtime]) => runtime.events$.pipe(withPrefix(name)));
    this.events$ = merge(main.events$, ...events);
    this.images = new AllImages(main, this.#others.values());
    if (main.machineStats) this.machineStats = main.machineStats.bind(main);
  }

  /** Of the main one, and not ready before all of them are. */
  async info(signal?: AbortSignal): Promise<RuntimeInfo> {
    const info = await this.#main.info(signal);
    const others = await Promise.all([...this.#others.values()].map((runtime) => runtime.info(signal)));
    const network = [info, ...others].map((each) => each.network).find((each) => each?.ready === false) ?? info.network;
    // Who promises it must keep it for every handler.
    const userNamespaces = [info, ...others].every((each) => each.userNamespaces);
    return { ...info, userNamespaces, ...(network && { network }) };
  }

  async setPodCidrs(podCidrs: readonly string[], signal?: AbortSignal): Promise<void> {
    await Promise.all(this.#all.map((runtime) => runtime.setPodCidrs(podCidrs, signal)));
  }

  /** Rejects with `BadRequest` if nobody has the handler. */
  async runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    const { name, runtime } = this.#byHandler(config.runtimeHandler);
    return prefixed(name, await runtime.runSandbox(config, signal));
  }

  async stopSandbox(id: string, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.stopSandbox(own, signal);
  }

  async removeSandbox(id: string, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.removeSandbox(own, signal);
  }

  async updateSandbox(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.updateSandbox?.(own, resources, signal);
  }

  async listSandboxes(signal?: AbortSignal, only?: PodFilter): Promise<readonly SandboxStatus[]> {
    return this.#listed((runtime) => runtime.listSandboxes(signal, only));
  }

  async createContainer(sandboxId: string, config: ContainerConfig, signal?: AbortSignal): Promise<string> {
    const { name, runtime, own } = this.#byId(sandboxId);
    const { targetContainerId: target } = config;
    const inside = target === undefined ? config : { ...config, targetContainerId: this.#byId(target).own };
    return withName(name, await runtime.createContainer(own, inside, signal));
  }

  async startContainer(id: string, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.startContainer(own, signal);
  }

  async stopContainer(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.stopContainer(own, graceSeconds, signal);
  }

  async removeContainer(id: string, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.removeContainer(own, signal);
  }

  async listContainers(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerStatus[]> {
    return this.#listed((runtime) => runtime.listContainers(signal, only));
  }

  async containerStatus(id: string, signal?: AbortSignal): Promise<ContainerStatus> {
    const { name, runtime, own } = this.#byId(id);
    return prefixed(name, await runtime.containerStatus(own, signal));
  }

  async updateResources(id: string, resources: ContainerResources, signal?: AbortSignal): Promise<void> {
    const { runtime, own } = this.#byId(id);
    await runtime.updateResources(own, resources, signal);
  }

  execSync(id: string, command: readonly string[], timeoutMs: number, signal?: AbortSignal): Promise<ExecResult> {
    const { runtime, own } = this.#byId(id);
    return runtime.execSync(own, command, timeoutMs, signal);
  }

  exec(id: string, command: readonly string[], options: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    const { runtime, own } = this.#byId(id);
    return runtime.exec(own, command, options, signal);
  }

  attach(id: string, options: StreamOptions, signal?: AbortSignal): Promise<StreamSession> {
    const { runtime, own } = this.#byId(id);
    return runtime.attach(own, options, signal);
  }

  portForward(sandboxId: string, port: number, signal?: AbortSignal): Promise<Duplex> {
    const { runtime, own } = this.#byId(sandboxId);
    return runtime.portForward(own, port, signal);
  }

  logs(id: string, options: LogOptions, signal?: AbortSignal): Promise<Readable> {
    const { runtime, own } = this.#byId(id);
    return runtime.logs(own, options, signal);
  }

  limitLogs(limits: LogLimits): void {
    for (const runtime of this.#all) runtime.limitLogs?.(limits);
  }

  async stats(signal?: AbortSignal): Promise<readonly ContainerStats[]> {
    const all = await Promise.all(
      this.#named.map(async ([name, runtime]) =>
        (await runtime.stats(signal)).map((stats) => ({ ...stats, containerId: withName(name, stats.containerId) })),
      ),
    );
    return all.flat();
  }

  async diskUsage(signal?: AbortSignal, only?: PodFilter): Promise<readonly ContainerDiskUsage[]> {
    const all = this.#named.map(async ([name, runtime]) => {
      const found = (await runtime.diskUsage?.(signal, only)) ?? [];
      return found.map((usage) => ({ ...usage, containerId: withName(name, usage.containerId) }));
    });
    return (await Promise.all(all)).flat();
  }

  async networkUsage(signal?: AbortSignal): Promise<readonly SandboxNetworkUsage[]> {
    const all = this.#named.map(async ([name, runtime]) => {
      const found = (await runtime.networkUsage?.(signal)) ?? [];
      return found.map((usage) => ({ ...usage, sandboxId: withName(name, usage.sandboxId) }));
    });
    return (await Promise.all(all)).flat();
  }

  imagesFor(handler: string): Images {
    return this.#byHandler(handler).runtime.images;
  }

  imageStores(): ReadonlyMap<string, Images> {
    return new Map(this.#named.map(([name, { images }]) => [name, images]));
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map((runtime) => runtime.close()));
  }

  get #named(): readonly (readonly [string, ContainerRuntime])[] {
    return [['', this.#main], ...this.#others];
  }

  get #all(): readonly ContainerRuntime[] {
    return this.#named.map(([, runtime]) => runtime);
  }

  #byHandler(handler: string): { readonly name: string; readonly runtime: ContainerRuntime } {
    const runtime = handler === '' ? this.#main : this.#handlers.get(handler);
    if (runtime) return { name: runtime === this.#main ? '' : handler, runtime };
    if (this.#passesOn) return { name: '', runtime: this.#main };
    throw new KeelsonError('BadRequest', `failed to get sandbox runtime: no runtime for "${handler}" is configured`);
  }

  #byId(id: string): { readonly name: string; readonly runtime: ContainerRuntime; readonly own: string } {
    const [, name = '', own = id] = /^([^:/]+):\/\/(.*)$/.exec(id) ?? [];
    const runtime = name === '' ? this.#main : this.#others.get(name);
    if (!runtime) throw new KeelsonError('NotFound', `No such container: ${id}`);
    return { name, runtime, own };
  }

  async #listed<T extends Identified>(list: (runtime: ContainerRuntime) => Promise<readonly T[]>): Promise<readonly T[]> {
    const all = await Promise.all(
      this.#named.map(async ([name, runtime]) => (await list(runtime)).map((each) => prefixed(name, each))),
    );
    return all.flat();
  }
}

interface Identified {
  readonly id: string;
  readonly sandboxId?: string;
}

function withName(name: string, id: string): string {
  return name === '' ? id : `${name}://${id}`;
}

function prefixed<T extends Identified>(name: string, status: T): T {
  if (name === '') return status;
  const { id, sandboxId } = status;
  return { ...status, id: withName(name, id), ...(sandboxId !== undefined && { sandboxId: withName(name, sandboxId) }) };
}

function withPrefix(name: string) {
  return map(({ containerId, ...event }: RuntimeEvent): RuntimeEvent => {
    return containerId === undefined ? event : { ...event, containerId: withName(name, containerId) };
  });
}

/** Images of the main runtime; listed and removed are those of all, since all take up room. */
class AllImages implements Images {
  readonly #main: Images;
  readonly #all: readonly Images[];

  constructor(main: ContainerRuntime, others: Iterable<ContainerRuntime>) {
    this.#main = main.images;
    this.#all = [main, ...others].map(({ images }) => images);
  }

  find(reference: string, signal?: AbortSignal): Promise<ImageStatus | undefined> {
    return this.#main.find(reference, signal);
  }

  async list(signal?: AbortSignal): Promise<readonly ImageStatus[]> {
    return (await Promise.all(this.#all.map((images) => images.list(signal)))).flat();
  }

  pull(reference: string, credentials: PullCredentials | undefined, signal?: AbortSignal): Promise<ImageStatus> {
    return this.#main.pull(reference, credentials, signal);
  }

  async remove(reference: string, signal?: AbortSignal): Promise<void> {
    for (const images of this.#all) await images.remove(reference, signal);
  }
}
