import { deepEqual, uidOf } from '@keelson/api';
import type { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import { desiredReplicasOf, maxReplicasOf } from './annotations.ts';
import { isRollingUpdate, maxSurge, maxUnavailable, replicasOf } from './limits.ts';
import { activeOnes, availableOf, byAge, bySize, isObserved, sizeOf, sum } from './replica-sets.ts';

/** What size a ReplicaSet shall have. */
export interface Resize {
  readonly set: ReplicaSet;
  readonly size: number;
}

/**
 * The size of the new set: as large as the surge allows while old pods are there. Example: of 10 replicas with a surge of 3, while the old sets
 * want 8, the new set gets 5. It never shrinks here, unless the Deployment itself is smaller.
 */
export function newSetSize(deployment: Deployment, sets: readonly ReplicaSet[], current: number): number {
  const replicas = replicasOf(deployment);
  if (!isRollingUpdate(deployment) || current >= replicas) return replicas;
  const free = replicas + maxSurge(deployment) - sum(sets, sizeOf);
  return current + Math.max(0, Math.min(free, replicas - current));
}

/**
 * How old sets shrink in one step of a rolling update, such that enough pods stay available: first those pods that are not available anyway,
 * then as many of the others as may go. Empty if nothing may, or if a set does not report yet what became of its present size.
 */
export function shrinkOldSets(deployment: Deployment, newSet: ReplicaSet, oldSets: readonly ReplicaSet[]): readonly Resize[] {
  const minAvailable = replicasOf(deployment) - maxUnavailable(deployment);
  const all = [...oldSets, newSet];
  if (!activeOnes(all).every(isObserved)) return [];
  const newUnavailable = sizeOf(newSet) - dependableOf(newSet);
  const sizes = new Map(
    activeOnes(oldSets)
      .toSorted(byAge)
      .map((set) => [set, sizeOf(set)]),
  );
  const maxUnhealthy = sum(all, sizeOf) - minAvailable - newUnavailable;
  if (maxUnhealthy <= 0) return [];
  takeAway(sizes, maxUnhealthy, (set, size) => size - dependableOf(set));
  takeAway(sizes, sum(all, dependableOf) - minAvailable, (_, size) => size);
  return [...sizes].filter(([set, size]) => size !== sizeOf(set)).map(([set, size]) => ({ set, size }));
}

/** A set that has just shrunk still reports as available what is about to go: that must not be counted on, and taken away twice. */
function dependableOf(set: ReplicaSet): number {
  return Math.min(availableOf(set), sizeOf(set));
}

/** Takes up to `total`, and of each set no more than `most`. */
function takeAway(sizes: Map<ReplicaSet, number>, total: number, most: (set: ReplicaSet, size: number) => number): void {
  let left = total;
  for (const [set, size] of sizes) {
    const taken = Math.max(0, Math.min(left, most(set, size)));
    sizes.set(set, size - taken);
    left -= taken;
  }
}

/** True if the Deployment has another size than when its sets were last scaled. */
export function isScaling(deployment: Deployment, sets: readonly ReplicaSet[]): boolean {
  return activeOnes(sets).some((set) => {
    const desired = desiredReplicasOf(set);
    return desired !== undefined && desired !== replicasOf(deployment);
  });
}

/**
 * The sizes of the sets of a Deployment that is resized, or paused: without moving the rollout on. Sets that have that size already are among
 * them, since they have to remember the Deployment's new size.
 */
export function scaleSizes(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): readonly Resize[] {
  const all = newSet ? [newSet, ...oldSets] : oldSets;
  const active = activeOnes(all);
  const latest = newSet ?? oldSets.toSorted(byAge).at(-1);
  const single = active.length === 0 ? latest : active.length === 1 ? active[0] : undefined;
  if (single) return [{ set: single, size: replicasOf(deployment) }];
  if (newSet && isSaturated(deployment, newSet)) return activeOnes(oldSets).map((set) => ({ set, size: 0 }));
  // What is recreated has no rollout to keep in proportion: once the sets know the new size, it goes on.
  return isRollingUpdate(deployment) ? proportionalSizes(deployment, active) : active.map((set) => ({ set, size: sizeOf(set) }));
}

function isSaturated(deployment: Deployment, newSet: ReplicaSet): boolean {
  const replicas = replicasOf(deployment);
  return deepEqual([sizeOf(newSet), desiredReplicasOf(newSet), availableOf(newSet)], [replicas, replicas, replicas]);
}

/**
 * A Deployment that is resized while it rolls: its sets share what is added or taken away by their size, and the largest one gets what rounding
 * leaves. Example: sets of 8 and 5 of a Deployment of 10 with a surge of 3, which now wants 15: 18 pods may be there, so 5 are added;
 * 8 becomes 8·18/13 ≈ 11, 5 becomes 5·18/13 ≈ 7.
 */
function proportionalSizes(deployment: Deployment, active: readonly ReplicaSet[]): readonly Resize[] {
  const replicas = replicasOf(deployment);
  const allowed = replicas > 0 ? replicas + maxSurge(deployment) : 0;
  const toAdd = allowed - sum(active, sizeOf);
  const sorted = active.toSorted(bySize(toAdd > 0 ? 'newer' : 'older'));
  const resizes: Resize[] = [];
  let added = 0;
  for (const set of sorted) {
    const share = shareOf(deployment, set, toAdd - added);
    added += share;
    resizes.push({ set, size: sizeOf(set) + share });
  }
  const leftover = toAdd - added;
  return resizes.map(({ set, size }, at) => ({ set, size: at === 0 ? Math.max(0, size + leftover) : size }));
}

/** What a set gets, or loses, of what is `left`. */
function shareOf(deployment: Deployment, set: ReplicaSet, left: number): number {
  if (left === 0) return 0;
  const share = idealShare(deployment, set);
  return left > 0 ? Math.min(share, left) : Math.max(share, left);
}

function idealShare(deployment: Deployment, set: ReplicaSet): number {
  const size = sizeOf(set);
  const replicas = replicasOf(deployment);
  if (replicas === 0) return -size;
  const before = maxReplicasOf(set) || (deployment.status?.replicas ?? 0);
  if (before === 0) return 0;
  return Math.round((size * (replicas + maxSurge(deployment))) / before) - size;
}

/** The set that is being rolled out: the oldest one that has the Deployment's template. */
export function splitSets(
  sets: readonly ReplicaSet[],
  isNew: (set: ReplicaSet) => boolean,
): { readonly newSet: ReplicaSet | undefined; readonly oldSets: readonly ReplicaSet[] } {
  const newSet = sets.toSorted(byAge).find(isNew);
  return { newSet, oldSets: sets.filter((set) => !newSet || uidOf(set) !== uidOf(newSet)) };
}
