import { errorMessage, TaskGroup, type Clock, type Logger } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import type { Alarms } from '../alarms.ts';
import { nodeSubject, podSubject } from '../event-subject.ts';
import type { EventSink } from '../ports.ts';
import type { NodeStats } from '../stats/node-stats.ts';
import { containerBytes, type PodDisk, type PodDisks } from '../stats/pod-disks.ts';
import type { PodUsage } from '../stats/usage.ts';
import type { Observe } from './observe.ts';
import { binary, evictionMessage, isCritical, ranked, type Consumption } from './ranking.ts';
import {
  crossed,
  pressureOf,
  resourceOf,
  thresholdsOf,
  type EvictionOptions,
  type Observation,
  type Pressure,
  type Threshold,
} from './thresholds.ts';

export interface EvictionDependencies {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly nodeName: string;
  readonly observe: Observe;
  readonly stats: Pick<NodeStats, 'look'>;
  readonly disks: Pick<PodDisks, 'look'>;
  /** Those that use the node. */
  readonly pods: () => readonly Pod[];
  /** Ends a pod for good. Resolves when nothing of it runs, or it takes too long. */
  readonly evict: (pod: Pod, message: string, graceSeconds: number) => Promise<void>;
  /** Frees disk space that no pod needs. */
  readonly reclaimDisk: () => Promise<void>;
  /** The node's pressures have changed. */
  readonly changed: () => void;
}

const PERIOD_MS = 10_000;
const AT_ONCE_SECONDS = 1;

/**
 * Watches what the node has left. Below a threshold it says so (a condition of the node), frees what no pod needs, and then ends one pod at a
 * time, the one with the least claim to what is scarce, until enough is left again. Critical pods stay.
 */
export class EvictionManager {
  readonly #deps: EvictionDependencies;
  readonly #options: EvictionOptions;
  readonly #thresholds: readonly Threshold[];
  readonly #tasks: TaskGroup;
  #crossed: readonly Threshold[] = [];
  readonly #sinceMs = new Map<Threshold, number>();
  readonly #pressedAtMs = new Map<Pressure, number>();
  #pressures: ReadonlySet<Pressure> = new Set();

  constructor(deps: EvictionDependencies, options: EvictionOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#thresholds = thresholdsOf(options);
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** What the node is short of, or was a moment ago. */
  get pressures(): ReadonlySet<Pressure> {
    return this.#pressures;
  }

  start(): void {
    this.#deps.alarms.set('eviction', PERIOD_MS, () => this.#tasks.run('eviction', () => this.#round()));
  }

  async stop(): Promise<void> {
    await this.#tasks.stop();
  }

  async #round(): Promise<void> {
    try {
      await this.#synchronize();
    } catch (error) {
      this.#deps.logger.warn('the node could not be relieved', { error: errorMessage(error) });
    }
    if (!this.#tasks.signal.aborted) this.start();
  }

  async #synchronize(): Promise<void> {
    const observation = await this.#deps.observe();
    this.#note(observation);
    const due = this.#crossed.filter((threshold) => this.#isDue(threshold));
    // Memory first: without it nothing else works.
    const [worst] = due.toSorted((a, b) => Number(b.isHard) - Number(a.isHard) || order(a) - order(b));
    if (!worst) return;
    const { events, nodeName } = this.#deps;
    const resource = resourceOf(worst.signal);
    events.event(nodeSubject(nodeName), 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (pressureOf(worst.signal) === 'DiskPressure') {
      await this.#deps.reclaimDisk();
      if (crossed([worst], await this.#deps.observe(), [worst]).length === 0) return;
    }
    await this.#evictOne(worst, observation);
  }

  /** Takes down what is crossed since when, and what the node says of it. */
  #note(observation: Observation): void {
    const nowMs = this.#deps.clock.now();
    this.#crossed = crossed(this.#thresholds, observation, this.#crossed);
    for (const threshold of this.#thresholds) {
      if (!this.#crossed.includes(threshold)) this.#sinceMs.delete(threshold);
      else if (!this.#sinceMs.has(threshold)) this.#sinceMs.set(threshold, nowMs);
    }
    for (const { signal } of this.#crossed) this.#pressedAtMs.set(pressureOf(signal), nowMs);
    const holdMs = (this.#options.pressureTransitionSeconds ?? 300) * 1000;
    const pressures = new Set(
      [...this.#pressedAtMs].filter(([, atMs]) => nowMs - atMs < holdMs || atMs === nowMs).map(([name]) => name),
    );
    const isSame = pressures.symmetricDifference(this.#pressures).size === 0;
    this.#pressures = pressures;
    if (!isSame) this.#deps.changed();
  }

  #isDue(threshold: Threshold): boolean {
    return this.#deps.clock.now() - (this.#sinceMs.get(threshold) ?? Infinity) >= threshold.graceMs;
  }

  async #evictOne(threshold: Threshold, observation: Observation): Promise<void> {
    const resource = resourceOf(threshold.signal);
    const candidates = this.#deps.pods().filter((each) => !isCritical(each));
    const consumption = await this.#consumption(resource, candidates);
    const [pod] = ranked(candidates, resource, consumption);
    if (!pod) return this.#deps.logger.error('nothing can be evicted', { resource });
    const reading = observation.get(threshold.signal);
    const figures = (value: number): string => (resource === 'pids' || resource === 'inodes' ? String(value) : binary(value));
    const reason = { resource, threshold: threshold.amount, available: figures(reading?.available ?? 0) };
    const message = evictionMessage(pod, reason, consumption.get(pod.metadata?.uid ?? ''));
    this.#deps.events.event(podSubject(pod), 'Warning', 'Evicted', message);
    const { maxPodGracePeriodSeconds = Infinity } = this.#options;
    const own = pod.spec?.terminationGracePeriodSeconds ?? 30;
    await this.#deps.evict(pod, message, threshold.isHard ? AT_ONCE_SECONDS : Math.min(own, maxPodGracePeriodSeconds));
  }

  /** Of what is measured by pod; nothing of the rest, so that priority decides. */
  async #consumption(resource: string, pods: readonly Pod[]): Promise<Consumption> {
    if (resource === 'memory') return memoryOf((await this.#deps.stats.look()).pods);
    return resource === 'pids' ? new Map() : disksOf(resource, await this.#deps.disks.look(pods, this.#tasks.signal));
  }
}

function memoryOf(pods: readonly PodUsage[]): Consumption {
  return new Map(
    pods.map(({ pod, usage, containers }) => [
      pod.metadata?.uid ?? '',
      {
        total: usage.memoryWorkingSetBytes,
        containers: new Map(containers.map((each) => [each.name, each.usage.memoryWorkingSetBytes])),
      },
    ]),
  );
}

/** Containers ask for bytes, and not for inodes. */
function disksOf(resource: string, disks: ReadonlyMap<string, PodDisk>): Consumption {
  return new Map(
    [...disks].map(([uid, { containers, total }]) => {
      if (resource === 'inodes') return [uid, { total: total.inodesUsed, containers: new Map() }];
      return [
        uid,
        { total: total.usedBytes, containers: new Map([...containers].map(([name, usage]) => [name, containerBytes(usage)])) },
      ];
    }),
  );
}

function order({ signal }: Threshold): number {
  return signal === 'memory.available' ? 0 : 1;
}
