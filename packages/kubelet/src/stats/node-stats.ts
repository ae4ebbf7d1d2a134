import type { Clock } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import type { ContainerRuntime, ContainerStats, InterfaceUsage } from '@keelson/runtime';
import { latestOf, type PodView } from '../pod/runtime-view.ts';
import { within } from '../within.ts';
import { CpuRates } from './cpu-rates.ts';
import { machineStats } from './machine.ts';
import { sumOf, type ContainerUsage, type NodeUsage, type PodUsage, type Usage } from './usage.ts';

export interface NodeStatsDependencies {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly pods: () => readonly Pod[];
  readonly view: (podUid: string) => PodView | undefined;
}

/** Whoever asks within this time of a look gets what it saw. */
const FRESH_MS = 1000;
/** A runtime that takes longer must not keep those who ask for ever, nor the ones after them. */
const ANSWER_MS = 10_000;
const NEVER = new AbortController().signal;
const NODE = '';

/** What the node and its pods use. However many ask, it looks at most once a second, and once at a time. */
export class NodeStats {
  readonly #deps: NodeStatsDependencies;
  readonly #rates = new CpuRates();
  #looking: Promise<NodeUsage> | undefined;
  #seen: NodeUsage | undefined;

  constructor(deps: NodeStatsDependencies) {
    this.#deps = deps;
  }

  /** Rejects while the runtime does not answer. */
  async look(): Promise<NodeUsage> {
    if (this.#seen && this.#deps.clock.now() - this.#seen.atMs < FRESH_MS) return this.#seen;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** What the networks of pods have carried, by uid; of those on the host's network nothing. Never rejects. */
  async networks(): Promise<ReadonlyMap<string, readonly InterfaceUsage[]>> {
    const { clock, pods, runtime, view } = this.#deps;
    const limit = { clock, ms: ANSWER_MS, signal: NEVER };
    const found = await within(limit, async (signal) => (await runtime.networkUsage?.(signal)) ?? []).catch(() => []);
    const bySandbox = new Map(found.map(({ sandboxId, interfaces }) => [sandboxId, interfaces]));
    return new Map(
      pods().flatMap(({ metadata: { uid = '' } = {} }): [string, readonly InterfaceUsage[]][] => {
        const interfaces = bySandbox.get(view(uid)?.sandboxes[0]?.id ?? '');
        return interfaces ? [[uid, interfaces]] : [];
      }),
    );
  }

  async #look(): Promise<NodeUsage> {
    const { clock, pods, runtime } = this.#deps;
    const atMs = clock.now();
    const limit = { clock, ms: ANSWER_MS, signal: NEVER };
    const [stats, machine] = await within(limit, (signal) =>
      Promise.all([runtime.stats(signal), runtime.machineStats?.(signal) ?? machineStats(atMs)]),
    );
    const byId = new Map(stats.map((each) => [each.containerId, each]));
    const rates = this.#rates.round(
      new Map([readingOf(NODE, machine), ...stats.map((each) => readingOf(each.containerId, each))]),
    );
    const withRate = (key: string, usage: Usage): Usage => {
      const cpuNanoCores = rates.get(key);
      return cpuNanoCores === undefined ? usage : { ...usage, cpuNanoCores };
    };
    const used = pods().flatMap((pod) => this.#podUsage(pod, { byId, atMs, withRate }) ?? []);
    this.#seen = { atMs, node: withRate(NODE, machine), pods: used };
    return this.#seen;
  }

  #podUsage(pod: Pod, { byId, atMs, withRate }: Looked): PodUsage | undefined {
    const view = this.#deps.view(pod.metadata?.uid ?? '');
    if (!view) return undefined;
    const containers = [...new Set(view.containers.map(({ name }) => name))].flatMap((name): ContainerUsage[] => {
      const status = latestOf(view, name);
      const stats = status?.state === 'running' ? byId.get(status.id) : undefined;
      if (!status || !stats) return [];
      const { containerId, ...usage } = stats;
      const { image, startedAtMs } = status;
      return [{ name, id: containerId, image, startedAtMs, usage: withRate(containerId, usage) }];
    });
    if (containers.length === 0) return undefined;
    const usages = containers.map(({ usage }) => usage);
    return { pod, containers, usage: sumOf(usages, atMs) };
  }
}

interface Looked {
  readonly byId: ReadonlyMap<string, ContainerStats>;
  readonly atMs: number;
  readonly withRate: (key: string, usage: Usage) => Usage;
}

function readingOf(key: string, { atMs, cpuUsageNanoSeconds }: Usage): [string, { atMs: number; nanoSeconds: number }] {
  return [key, { atMs, nanoSeconds: cpuUsageNanoSeconds }];
}
