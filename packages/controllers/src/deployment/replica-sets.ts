import { nameOf, parseTime } from '@keelson/api';
import type { ReplicaSet } from '@keelson/api/apps/v1';

/** How many pods a ReplicaSet wants. */
export function sizeOf(set: ReplicaSet): number {
  return set.spec?.replicas ?? 0;
}

export function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** Those that want pods. */
export function activeOnes(sets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  return sets.filter((set) => sizeOf(set) > 0);
}

/** Older first; what was created in the same second goes by name. */
export function byAge(a: ReplicaSet, b: ReplicaSet): number {
  return createdMs(a) - createdMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1);
}

/** Larger first, and of equals the newer or the older one. */
export function bySize(among: 'newer' | 'older'): (a: ReplicaSet, b: ReplicaSet) => number {
  return (a, b) => sizeOf(b) - sizeOf(a) || (among === 'older' ? byAge(a, b) : byAge(b, a));
}

function createdMs({ metadata }: ReplicaSet): number {
  return parseTime(metadata?.creationTimestamp) ?? 0;
}

/** Its controller has seen what it wants, so what its status says is about that. */
export function isObserved({ metadata, status }: ReplicaSet): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
}
