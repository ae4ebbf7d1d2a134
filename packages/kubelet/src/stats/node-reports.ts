import { uptime } from 'node:os';
import type { Clock } from '@keelson/base';
import { parseQuantity } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { interfaceUsage, type ContainerRuntime } from '@keelson/runtime';
import { containerMetrics } from './container-metrics.ts';
import { fileSystemUsage, processCount } from './machine.ts';
import type { NodeStats } from './node-stats.ts';
import type { PodDisks } from './pod-disks.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { summaryOf, type MachineFacts, type PodFacts } from './summary.ts';
import type { NodeUsage } from './usage.ts';
import { volumeMetrics } from './volume-metrics.ts';

export interface NodeReportsDependencies {
  readonly stats: NodeStats;
  readonly disks: Pick<PodDisks, 'recent' | 'claims'>;
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
}

export interface NodeReportsOptions {
  readonly nodeName: string;
  readonly rootDir: string;
  readonly capacity: Readonly<Record<string, string>>;
}

const PROC = '/proc';
const NOTHING_MORE: PodFacts = { networks: new Map(), disks: new Map() };

/** What the node and its pods use, in the forms in which metrics collectors read it. */
export class NodeReports {
  readonly #deps: NodeReportsDependencies;
  readonly #options: NodeReportsOptions;
  readonly #startedAtMs: number;
  readonly #memoryCapacityBytes: number;

  constructor(deps: NodeReportsDependencies, options: NodeReportsOptions) {
    this.#deps = deps;
    this.#options = options;
    // A simulated machine begins with its kubelet.
    this.#startedAtMs = deps.clock.now() - (this.#isSimulated ? 0 : uptime() * 1000);
    this.#memoryCapacityBytes = amount(options.capacity['memory']);
  }

  /** Rejects while the runtime does not answer. */
  usage(): Promise<NodeUsage> {
    return this.#deps.stats.look();
  }

  /** Of `/stats/summary`. Rejects while the runtime does not answer. */
  async summary(onlyCpuAndMemory = false): Promise<object> {
    const { nodeName } = this.#options;
    const usage = await this.usage();
    const [machine, ofPods] = onlyCpuAndMemory ? [{}, NOTHING_MORE] : await Promise.all([this.#machine(), this.#podFacts(usage)]);
    const memoryCapacityBytes = this.#memoryCapacityBytes;
    return summaryOf({ nodeName, startedAtMs: this.#startedAtMs, memoryCapacityBytes, usage, machine, ofPods });
  }

  /** Of `/metrics/resource`. A runtime that does not answer shows in it. */
  async resourceMetrics(): Promise<string> {
    return resourceMetrics(await this.usage().catch(() => undefined));
  }

  /** Of `/metrics/cadvisor`. Rejects while the runtime does not answer. */
  async containerMetrics(): Promise<string> {
    const usage = await this.usage();
    const network = this.#isSimulated ? [] : await interfaceUsage(PROC);
    const podNetworks = await this.#deps.stats.networks();
    const cores = amount(this.#options.capacity['cpu']);
    return containerMetrics({ usage, cores, memoryCapacityBytes: this.#memoryCapacityBytes, network, podNetworks });
  }

  /** Of `/metrics`: the volumes that these pods have by claims. */
  async volumeMetrics(pods: readonly Pod[]): Promise<string> {
    return volumeMetrics(await this.#deps.disks.claims(pods));
  }

  get #isSimulated(): boolean {
    return this.#deps.runtime.machineStats !== undefined;
  }

  async #podFacts({ pods }: NodeUsage): Promise<PodFacts> {
    const { disks, stats } = this.#deps;
    const [networks, byUid] = await Promise.all([stats.networks(), disks.recent(pods.map(({ pod }) => pod))]);
    return { networks, disks: byUid };
  }

  async #machine(): Promise<MachineFacts> {
    const [fileSystem, images] = await Promise.all([fileSystemUsage(this.#options.rootDir), this.#deps.runtime.images.list()]);
    const imageBytes = images.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (this.#isSimulated) return { fileSystem, imageBytes };
    const [network, processes] = await Promise.all([interfaceUsage(PROC), processCount()]);
    return { fileSystem, imageBytes, network, processes };
  }
}

function amount(quantity = '0'): number {
  return Number(parseQuantity(quantity).value());
}
