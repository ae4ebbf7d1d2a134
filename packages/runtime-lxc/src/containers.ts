import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import { rm } from 'node:fs/promises';
import { KeelsonError, type Clock } from '@keelson/base';
import type { ContainerConfig, ContainerResources, ContainerStatus, LogLimits, PodFilter } from '@keelson/runtime';
import type { Cgroups } from './cgroups.ts';
import { INIT_PATH } from './config/lxc-config.ts';
import { writeContainerFiles, type ContainerFilesDependencies } from './container-files.ts';
import { lifeOf, statusOf } from './container-life.ts';
import type { Exits } from './exits.ts';
import { withImages } from './images/image-mounts.ts';
import type { ImageStore } from './images/image-store.ts';
import type { Layout } from './layout.ts';
import { readRecords, writeRecord, type ContainerRecord } from './records.ts';
import type { Sandboxes } from './sandboxes.ts';
import { beginningOf, launchShim, shimOf } from './shim/launch.ts';
import { kill, shimEnd } from './shim/shim-end.ts';

export interface ContainersDependencies extends ContainerFilesDependencies {
  readonly layout: Layout;
  readonly exits: Exits;
  readonly cgroups: Cgroups;
  readonly images: ImageStore;
  readonly sandboxes: Sandboxes;
  readonly clock: Clock;
  readonly logLimits: () => LogLimits;
  readonly lxcStart: string;
}

/** A container that runs. */
export interface RunningContainer {
  readonly record: ContainerRecord;
  readonly pid: number;
}

/** How long the kernel and LXC may take to end what was killed, before its monitor is killed too. */
const KILL_PATIENCE_MS = 10_000;

/** The containers of pods, inside sandboxes: each a monitor of LXC, with a shim that stays with it. */
export class Containers {
  readonly #deps: ContainersDependencies;
  readonly #records = new Map<string, ContainerRecord>();

  constructor(deps: ContainersDependencies) {
    this.#deps = deps;
  }

  /** Finds what there was before. What was half made has never run, nor has what has lost its sandbox a place to. */
  async load(): Promise<void> {
    const { layout, sandboxes } = this.#deps;
    const { records, halves } = readRecords<ContainerRecord>(layout.containers);
    for (const record of records) this.#records.set(record.id, record);
    for (const id of halves) await this.#removeFiles(id);
    for (const { id, sandboxId } of records) if (!sandboxes.has(sandboxId)) await this.remove(id);
    await Promise.all(records.map(({ id }) => this.#outcomeOfStart(id)));
    await this.#noteLost();
  }

  async create(sandboxId: string, config: ContainerConfig): Promise<string> {
    const { sandboxes, images, layout } = this.#deps;
    const sandbox = sandboxes.running(sandboxId);
    for (const { id, name, attempt } of this.of(sandboxId))
      if (name === config.name && attempt === config.attempt) await this.remove(id);
    const image = await images.find(config.image);
    if (!image) throw new KeelsonError('NotFound', `No such image: ${config.image}`);
    const id = randomBytes(16).toString('hex');
    const { targetContainerId } = config;
    const targetPid = targetContainerId === undefined ? undefined : this.running(targetContainerId).pid;
    try {
      const { mounts, trees: mountedTrees } = await withImages(config.mounts, images);
      const make = { id, config: { ...config, mounts }, sandbox, targetPid, image, tree: images.treeOf(image), mountedTrees };
      const record = await writeContainerFiles(this.#deps, make);
      await writeRecord(layout.container(id), record);
      this.#records.set(id, record);
      return id;
    } catch (error) {
      await this.#removeFiles(id);
      throw error;
    }
  }

  async start(id: string): Promise<void> {
    const { layout, shim, logLimits, lxcStart } = this.#deps;
    const { tty, stdin, stdinOnce } = this.record(id);
    if (this.life(id).state !== 'created') throw new KeelsonError('BadRequest', `Container ${id} was started before`);
    const lxc = [lxcStart, '-F', '-q', '-n', id, '-f', layout.container(id, 'config'), '-P', layout.rootDir];
    const log = ['-o', '/dev/fd/5', '-l', 'INFO'];
    const launched = await launchShim({
      shim: shim(),
      directory: layout.container(id),
      exitFile: layout.exit(id),
      socket: layout.socket(id),
      terminal: tty,
      input: stdin,
      inputOnce: stdinOnce,
      logLimits: logLimits(),
      command: [...lxc, ...log, '--', INIT_PATH, 'init', tty ? '-' : 's', '3', '4'],
    });
    if (!launched.started) throw new KeelsonError('BadRequest', launched.message);
  }

  async stop(id: string, graceSeconds: number, signal?: AbortSignal): Promise<void> {
    const { exits, clock } = this.#deps;
    const record = this.#records.get(id);
    if (!record || exits.find(id)) return;
    const directory = this.#deps.layout.container(id);
    const beginning = beginningOf(directory);
    // It is just being started, perhaps by a process of us that was killed meanwhile; or nobody stays with it.
    if (!beginning || shimOf(directory) === undefined) return shimEnd({ directory, id, exits, clock });
    if (graceSeconds > 0) {
      kill(beginning.pid, signalOf(record.stopSignal));
      if (await this.#endsWithin(id, graceSeconds * 1000, signal)) return;
    }
    if (exits.find(id)) return;
    kill(beginning.pid, 'SIGKILL');
    if (record.sharesPids) await this.#deps.cgroups.kill(record.cgroup);
    if (await this.#endsWithin(id, KILL_PATIENCE_MS, signal)) return;
    await shimEnd({ directory, id, exits, clock });
  }

  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (!record) return;
    const { layout, exits, clock, images } = this.#deps;
    await this.stop(id, 0);
    await shimEnd({ directory: layout.container(id), id, exits, clock });
    await this.#clearCgroups(record);
    await this.#removeFiles(id);
    this.#records.delete(id);
    const left = this.trees();
    const isLast = [record.tree, ...(record.mountedTrees ?? [])].some((tree) => !left.has(tree));
    if (isLast && !(await this.#areKnown(record))) await images.sweep(() => this.trees());
  }

  async list(only?: PodFilter): Promise<readonly ContainerStatus[]> {
    await this.#noteLost();
    const all = [...this.#records.values()].filter(({ pod }) => only === undefined || pod.uid === only.podUid);
    return all.map((record) => statusOf(record, this.life(record.id)));
  }

  /** Those that run. */
  allRunning(): readonly ContainerRecord[] {
    return [...this.#records.values()].filter(({ id }) => this.life(id).state === 'running');
  }

  of(sandboxId: string): readonly ContainerRecord[] {
    return [...this.#records.values()].filter((record) => record.sandboxId === sandboxId);
  }

  async status(id: string): Promise<ContainerStatus> {
    await this.#noteLost();
    return statusOf(this.record(id), this.life(id));
  }

  record(id: string): ContainerRecord {
    const record = this.#records.get(id);
    if (!record) throw new KeelsonError('NotFound', `No such container: ${id}`);
    return record;
  }

  running(id: string): RunningContainer {
    const record = this.record(id);
    const beginning = this.life(id).state === 'running' ? beginningOf(this.#deps.layout.container(id)) : undefined;
    if (!beginning) throw new KeelsonError('BadRequest', `Container ${id} is not running`);
    return { record, pid: beginning.pid };
  }

  life(id: string) {
    return lifeOf(id, this.#deps.layout, this.#deps.exits);
  }

  async update(id: string, resources: ContainerResources): Promise<void> {
    await this.#deps.cgroups.set(this.running(id).record.cgroup, resources);
  }

  trees(): ReadonlySet<string> {
    return new Set([...this.#records.values()].flatMap(({ mountedTrees = [], tree }) => [tree, ...mountedTrees]));
  }

  /** Whether all that a container had files of are images still. */
  async #areKnown({ mountedTrees = [], tree }: ContainerRecord): Promise<boolean> {
    const { images } = this.#deps;
    const known = new Set((await images.list()).map((image) => images.treeOf(image)));
    return [tree, ...mountedTrees].every((each) => known.has(each));
  }

  podUidOf(id: string): string | undefined {
    return this.#records.get(id)?.pod.uid;
  }

  /** Processes of a container without a process namespace of its own outlive the first one. */
  async afterEnd(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record?.sharesPids) await this.#clearCgroups(record);
  }

  async #endsWithin(id: string, limitMs: number, signal: AbortSignal | undefined): Promise<boolean> {
    const limit = new AbortController();
    using _timer = this.#deps.clock.after(limitMs, () => limit.abort());
    try {
      await this.#deps.exits.wait(id, signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
      return true;
    } catch (error) {
      signal?.throwIfAborted();
      if (limit.signal.aborted) return false;
      throw error;
    }
  }

  /** One that was being started when the process before us was killed: whether it runs is known soon, and nobody must start another one before. */
  async #outcomeOfStart(id: string): Promise<void> {
    const directory = this.#deps.layout.container(id);
    while (this.life(id).state === 'created' && shimOf(directory) !== undefined) await this.#deps.clock.sleep(20);
  }

  /** Those whose shim somebody has killed: nobody will say how they end, so they end now. */
  async #noteLost(): Promise<void> {
    const { layout, exits, clock } = this.#deps;
    for (const { id } of this.#records.values())
      if (this.life(id).state === 'unknown') await shimEnd({ directory: layout.container(id), id, exits, clock });
  }

  /** LXC does it, unless its monitor was killed or something still runs there. */
  async #clearCgroups({ id, cgroup }: ContainerRecord): Promise<void> {
    const { cgroups, cgroupRoot, clock } = this.#deps;
    for (let times = 0; !(await cgroups.isEmpty(cgroup)) && times < 50; times += 1) {
      await cgroups.kill(cgroup);
      await clock.sleep(10);
    }
    await cgroups.remove(cgroup);
    await cgroups.remove(`${cgroupRoot}/lxc.monitor/${id}`);
  }

  async #removeFiles(id: string): Promise<void> {
    const { layout, exits } = this.#deps;
    await rm(layout.container(id), { recursive: true, force: true });
    await rm(layout.socket(id), { force: true });
    await exits.forget(id);
  }
}

/** `SIGTERM`, `TERM` or `15`; with real-time signals as `SIGRTMIN+3`. */
function signalOf(name: string): number {
  const upper = name.toUpperCase();
  const [, real, offset = '0'] = /^(?:SIG)?(RTMIN|RTMAX)([+-]\d+)?$/.exec(upper) ?? [];
  if (real !== undefined) return (real === 'RTMIN' ? 34 : 64) + Number(offset);
  const full = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return Number(name) || (constants.signals as Readonly<Record<string, number>>)[full] || constants.signals.SIGTERM;
}
