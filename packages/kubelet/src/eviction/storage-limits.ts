import { parseQuantity, podResourceLimits, type Quantity } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { errorMessage, type Logger, type TaskGroup } from '@keelson/base';
import type { Alarms } from '../alarms.ts';
import { podSubject } from '../event-subject.ts';
import { allContainers } from '../pod/pod-facts.ts';
import type { EventSink } from '../ports.ts';
import { containerBytes, type PodDisk, type PodDisks } from '../stats/pod-disks.ts';
import type { MeasurableVolume } from '../volumes/measurable-volumes.ts';
import { isCritical } from './ranking.ts';

interface Dependencies {
  readonly alarms: Alarms;
  readonly events: EventSink;
  readonly logger: Logger;
  readonly tasks: TaskGroup;
  readonly pods: () => readonly Pod[];
  readonly disks: Pick<PodDisks, 'look' | 'volume'>;
  readonly volumes: (pod: Pod) => Promise<readonly MeasurableVolume[]>;
  readonly evict: (uid: string, message: string) => void;
}

const PERIOD_MS = 10_000;
const STORAGE = 'ephemeral-storage';

/** Bytes, by the name of the volume. */
type Used = ReadonlyMap<string, number>;

/**
 * Looks every ten seconds at pods that have a limit on what they may take up on the node's disk (emptyDirs with a size limit, containers with a
 * limit of ephemeral storage), and ends those that have gone beyond theirs. Nothing of the others is measured.
 */
export class StorageLimits {
  readonly #deps: Dependencies;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  start(): void {
    const { alarms, tasks } = this.#deps;
    alarms.set('storage limits', PERIOD_MS, () => tasks.run('limits of storage', (signal) => this.#round(signal)));
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { events, evict, logger, pods } = this.#deps;
    for (const pod of pods()) {
      if (signal.aborted) return;
      if (isCritical(pod)) continue;
      const message = await this.#excessOf(pod, signal).catch((error: unknown) => {
        if (!signal.aborted) logger.warn('storage not measured', { pod: pod.metadata?.name, error: errorMessage(error) });
      });
      if (message === undefined) continue;
      events.event(podSubject(pod), 'Warning', 'Evicted', message);
      evict(pod.metadata?.uid ?? '', message);
    }
    this.start();
  }

  async #excessOf(pod: Pod, signal: AbortSignal): Promise<string | undefined> {
    if (storageLimit(pod)) {
      const disk = (await this.#deps.disks.look([pod], signal)).get(pod.metadata?.uid ?? '');
      return disk && (excessOfVolumes(pod, usedBy(disk)) ?? excessOfPod(pod, disk) ?? excessOfContainers(pod, disk));
    }
    const limited = limitedVolumes(pod);
    if (limited.size === 0) return undefined;
    const used = new Map<string, number>();
    for (const volume of await this.#deps.volumes(pod)) {
      if (limited.has(volume.name)) used.set(volume.name, (await this.#deps.disks.volume(volume)).used.usedBytes);
    }
    return excessOfVolumes(pod, used);
  }
}

function usedBy({ volumes }: PodDisk): Used {
  return new Map(volumes.map(({ name, used }) => [name, used.usedBytes]));
}

/** Asked of all pods, of which few have one: nothing is added up for the others. */
function storageLimit(pod: Pod): Quantity | undefined {
  const isLimited = allContainers(pod.spec ?? { containers: [] }).some(
    ({ resources }) => resources?.limits?.[STORAGE] !== undefined,
  );
  return isLimited ? podResourceLimits(pod).get(STORAGE) : undefined;
}

/** emptyDirs on disk with a limit; the kernel minds those in memory. */
function limitedVolumes({ spec }: Pod): ReadonlyMap<string, string> {
  return new Map(
    (spec?.volumes ?? []).flatMap(({ name, emptyDir }): [string, string][] => {
      const limit = emptyDir?.medium === 'Memory' ? undefined : emptyDir?.sizeLimit;
      return limit === undefined || parseQuantity(limit).isZero() ? [] : [[name, limit]];
    }),
  );
}

/** Pure: why a pod has to go for what is in its emptyDirs, if so. */
export function excessOfVolumes(pod: Pod, used: Used): string | undefined {
  for (const [name, limit] of limitedVolumes(pod)) {
    if ((used.get(name) ?? 0) > bytes(parseQuantity(limit)))
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
  }
  return undefined;
}

/** Pure: why a pod has to go for all that it takes up, if so. */
export function excessOfPod(pod: Pod, { total }: Pick<PodDisk, 'total'>): string | undefined {
  const limit = storageLimit(pod);
  if (!limit || total.usedBytes <= bytes(limit)) return undefined;
  return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
}

/** Pure: why a pod has to go for what one of its containers takes up, if so. */
export function excessOfContainers(pod: Pod, { containers }: Pick<PodDisk, 'containers'>): string | undefined {
  for (const { name, resources } of allContainers(pod.spec ?? { containers: [] })) {
    const limit = resources?.limits?.[STORAGE];
    const usage = containers.get(name);
    if (limit === undefined || !usage || containerBytes(usage) <= bytes(parseQuantity(limit))) continue;
    return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}

function bytes(quantity: Quantity): number {
  return Number(quantity.value());
}
