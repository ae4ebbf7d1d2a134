import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { KeelsonError, type Clock } from '@keelson/base';
import type { ContainerResources, PodFilter, PodNetwork, SandboxConfig, SandboxStatus } from '@keelson/runtime';
import type { Cgroups } from './cgroups.ts';
import type { Exits } from './exits.ts';
import type { Layout } from './layout.ts';
import { readRecords, writeRecord, type SandboxRecord } from './records.ts';
import { hostsFile, resolvConf } from './sandbox-files.ts';
import { beginningOf, launchShim, shimOf, type Launched } from './shim/launch.ts';
import { shimEnd } from './shim/shim-end.ts';

const run = promisify(execFile);

export interface SandboxesDependencies {
  readonly layout: Layout;
  readonly exits: Exits;
  readonly cgroups: Cgroups;
  readonly network: PodNetwork;
  readonly clock: Clock;
  readonly cgroupRoot: string;
  /** The path of the shim. */
  readonly shim: () => string;
}

/** A sandbox as it is now. */
export interface Sandbox {
  readonly record: SandboxRecord;
  /** What holds its namespaces. */
  readonly pid: number;
}

const NO_LOGS = { maxFileBytes: 0, maxFiles: 1 };

/** Sandboxes: a process that holds a pod's namespaces, its network, and the files that its containers share. */
export class Sandboxes {
  readonly #deps: SandboxesDependencies;
  readonly #records = new Map<string, SandboxRecord>();
  readonly #stopped = new Set<string>();

  constructor(deps: SandboxesDependencies) {
    this.#deps = deps;
  }

  /** Finds what there was before, and clears up what was half made. */
  async load(): Promise<void> {
    const { layout, network } = this.#deps;
    const { records, halves } = readRecords<SandboxRecord>(layout.sandboxes);
    for (const record of records) this.#records.set(record.id, record);
    for (const id of halves) await this.#remove(id);
    await network.retain(async () => new Set(this.#records.keys()));
  }

  has(id: string): boolean {
    return this.#records.has(id);
  }

  /** Rejects with `NotFound`, or with `BadRequest` if it does not run. */
  running(id: string): Sandbox {
    const record = this.#record(id);
    const beginning = this.#isReady(id) ? beginningOf(this.#deps.layout.sandbox(id)) : undefined;
    if (!beginning) throw new KeelsonError('BadRequest', `Sandbox ${id} is not running`);
    return { record, pid: beginning.pid };
  }

  /** Those that run. */
  ready(): readonly Sandbox[] {
    return [...this.#records.keys()].filter((id) => this.#isReady(id)).map((id) => this.running(id));
  }

  /** The network of a sandbox, as a file; `undefined` for the host's. Rejects with `NotFound`. */
  networkNamespace(id: string): string | undefined {
    const { config } = this.#record(id);
    return config.hostNetwork ? undefined : this.#deps.layout.sandbox(id, 'netns');
  }

  ofPod(podUid: string, attempt: number): readonly string[] {
    return [...this.#records.values()]
      .filter(({ config }) => config.pod.uid === podUid && config.attempt === attempt)
      .map(({ id }) => id);
  }

  async run(config: SandboxConfig, signal?: AbortSignal): Promise<SandboxStatus> {
    const { layout, network, clock, cgroupRoot, cgroups } = this.#deps;
    const id = randomBytes(16).toString('hex');
    const createdAtMs = clock.now();
    const cgroup = `${cgroupRoot}/${config.cgroupParent}`;
    // Nothing of the sandbox itself is in it: its containers will be.
    const limiting = config.resources ? cgroups.limit(cgroup, config.resources) : Promise.resolve();
    limiting.catch(() => undefined); // Waited for below.
    try {
      await this.#prepare(id, config);
      const launched = await this.#launch(id, config);
      await limiting;
      if (!launched.started) throw new KeelsonError('InternalError', `Cannot make a sandbox: ${launched.message}`);
      const ips = config.hostNetwork ? [] : await this.#attach(id, config, network, signal);
      await writeFile(layout.sandbox(id, 'hosts'), await hostsFile(config, ips));
      const record: SandboxRecord = { id, config, createdAtMs, cgroup, ips };
      await writeRecord(layout.sandbox(id), record);
      this.#records.set(id, record);
      return this.#status(record);
    } catch (error) {
      await this.#remove(id).catch(() => undefined);
      await limiting.catch(() => undefined);
      await this.#removeCgroup(cgroup);
      throw error;
    }
  }

  /** To be called when nothing runs in it any more. */
  async stop(id: string): Promise<void> {
    if (!this.#records.has(id) || this.#stopped.has(id)) return;
    await this.#end(id);
    this.#stopped.add(id);
  }

  /** To be called when it has no containers any more. */
  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (!record) return;
    await this.#remove(id);
    this.#records.delete(id);
    this.#stopped.delete(id);
    await this.#removeCgroup(record.cgroup);
  }

  async update(id: string, resources: ContainerResources): Promise<void> {
    await this.#deps.cgroups.limit(this.#record(id).cgroup, resources);
  }

  list(only?: PodFilter): readonly SandboxStatus[] {
    const all = [...this.#records.values()].filter(({ config }) => only === undefined || config.pod.uid === only.podUid);
    return all.map((record) => this.#status(record));
  }

  podUidOf(id: string): string | undefined {
    return this.#records.get(id)?.config.pod.uid;
  }

  /** Unless another sandbox of the pod has it too. */
  async #removeCgroup(path: string): Promise<void> {
    const isAlone = [...this.#records.values()].every(({ cgroup }) => cgroup !== path);
    if (isAlone) await this.#deps.cgroups.remove(path);
  }

  #record(id: string): SandboxRecord {
    const record = this.#records.get(id);
    if (!record) throw new KeelsonError('NotFound', `No such sandbox: ${id}`);
    return record;
  }

  #isReady(id: string): boolean {
    const { layout, exits } = this.#deps;
    return !this.#stopped.has(id) && !exits.find(id) && shimOf(layout.sandbox(id)) !== undefined;
  }

  #status({ id, config, createdAtMs, ips }: SandboxRecord): SandboxStatus {
    const { pod, attempt, labels, annotations } = config;
    const isReady = this.#isReady(id);
    return {
      id,
      pod,
      attempt,
      state: isReady ? 'ready' : 'not-ready',
      createdAtMs,
      ips: isReady ? ips : [],
      labels,
      annotations,
    };
  }

  async #prepare(id: string, { dns, hostname }: SandboxConfig): Promise<void> {
    const { layout } = this.#deps;
    await mkdir(layout.sandbox(id, 'shm'), { recursive: true });
    await Promise.all([
      mkdir(layout.sandbox(id, 'empty')),
      writeFile(layout.sandbox(id, 'process'), ''),
      resolvConf(dns).then((text) => writeFile(layout.sandbox(id, 'resolv.conf'), text)),
      writeFile(layout.sandbox(id, 'hostname'), `${hostname}\n`),
    ]);
  }

  #launch(id: string, config: SandboxConfig): Promise<Launched> {
    const { layout, shim } = this.#deps;
    const { hostNetwork, hostIpc, hostPid, shareProcessNamespace, hostname, sysctls } = config;
    const letters = `${hostNetwork ? '' : 'nu'}${hostIpc ? '' : 'i'}${shareProcessNamespace && !hostPid ? 'p' : ''}` || '-';
    const places = ['netns', 'shm', 'empty'].map((name) => layout.sandbox(id, name));
    const settings = Object.entries(sysctls).map(([name, value]) => `${name}=${value}`);
    return launchShim({
      shim: shim(),
      directory: layout.sandbox(id),
      exitFile: layout.exit(id),
      socket: '',
      terminal: false,
      input: false,
      inputOnce: false,
      logLimits: NO_LOGS,
      command: ['sandbox', letters, hostname, ...places, ...settings],
    });
  }

  async #attach(
    id: string,
    config: SandboxConfig,
    network: PodNetwork,
    signal: AbortSignal | undefined,
  ): Promise<readonly string[]> {
    const { pod, portMappings } = config;
    const namespacePath = this.#deps.layout.sandbox(id, 'netns');
    return (await network.add({ pod, sandboxId: id, namespacePath, portMappings }, signal)).ips;
  }

  /** Its process, its network, and what is mounted for it. Finds out from what there is, so that it also ends what is half made. */
  async #end(id: string): Promise<void> {
    const { layout, exits, network, clock, shim } = this.#deps;
    const directory = layout.sandbox(id);
    await shimEnd({ directory, id, exits, clock });
    await network.remove(id);
    if (existsSync(directory)) await run(shim(), ['sandbox-end', layout.sandbox(id, 'netns'), layout.sandbox(id, 'shm')]);
  }

  async #remove(id: string): Promise<void> {
    await this.#end(id);
    await rm(this.#deps.layout.sandbox(id), { recursive: true, force: true });
    await this.#deps.exits.forget(id);
  }
}
