import { nameOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import { groupPods, type PodGroups, type Readiness } from './pod-groups.ts';
import { isTolerable, type Sample, type Samples, type Tolerance } from './samples.ts';

/** What a proposal is made from. */
export interface Situation {
  /** As the scale's selector finds them. */
  readonly pods: readonly Pod[];
  readonly currentReplicas: number;
  readonly tolerance: Tolerance;
  readonly readiness: Readiness;
}

export interface UtilizationProposal {
  readonly replicas: number;
  /** Percent of what the pods ask for. */
  readonly utilization: number;
  /** Of a pod. */
  readonly averageMilli: number;
}

export interface AverageProposal {
  readonly replicas: number;
  readonly averageMilli: number;
}

/** How many pods bring the use of a resource to `targetPercent` of what they ask for (`requests`, in thousandths). */
export function replicasByUtilization(
  samples: Samples,
  target: { readonly resource: string; readonly percent: number; readonly requests: ReadonlyMap<string, number> },
  situation: Situation,
): UtilizationProposal {
  const { resource, percent, requests } = target;
  const { groups, counted } = prepare(samples, resource, situation);
  const measure = (some: Samples): { ratio: number; utilization: number; averageMilli: number } => {
    const known = [...some].filter(([name]) => requests.has(name));
    const used = sum(known.map(([, { milli }]) => milli));
    const wanted = sum(known.map(([name]) => requests.get(name) ?? 0));
    if (wanted === 0) throw new KeelsonError('BadRequest', 'no metrics returned matched known pods');
    const utilization = Math.trunc((used * 100) / wanted);
    return { ratio: utilization / percent, utilization, averageMilli: Math.trunc(used / known.length) };
  };
  const { utilization, averageMilli } = measure(counted);
  // What a pod of which nothing is known might use, at most: all that it asks for.
  const assumed = (name: string): number => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, percent)) / 100);
  const replicas = propose({ groups, counted, ratioOf: (some) => measure(some).ratio, assumed }, situation);
  return { replicas, utilization, averageMilli };
}

/** How many pods bring the average of a metric to `targetMilli`. */
export function replicasByAverage(
  samples: Samples,
  target: { readonly resource: string; readonly milli: number },
  situation: Situation,
): AverageProposal {
  const { groups, counted } = prepare(samples, target.resource, situation);
  const averageOf = (some: Samples): number => Math.trunc(sum([...some.values()].map(({ milli }) => milli)) / some.size);
  const ratioOf = (some: Samples): number => averageOf(some) / target.milli;
  const replicas = propose({ groups, counted, ratioOf, assumed: () => target.milli }, situation);
  return { replicas, averageMilli: averageOf(counted) };
}

/** How many pods a metric of the whole asks for. With none there is nothing to multiply: the ratio itself says how many. */
export function replicasByRatio(ratio: number, readyCount: () => number, { currentReplicas, tolerance }: Situation): number {
  if (currentReplicas === 0) return Math.ceil(ratio);
  return isTolerable(ratio, tolerance) ? currentReplicas : Math.ceil(ratio * readyCount());
}

/** How many pods share a metric of the whole, so that each has `targetMilli` of it. `statusReplicas`: how many there are. */
export function replicasByShare(
  totalMilli: number,
  { targetMilli, statusReplicas, tolerance }: { targetMilli: number; statusReplicas: number; tolerance: Tolerance },
): AverageProposal {
  const isFine = isTolerable(totalMilli / (targetMilli * statusReplicas), tolerance);
  const averageMilli = statusReplicas === 0 ? totalMilli : Math.ceil(totalMilli / statusReplicas);
  return { replicas: isFine ? statusReplicas : Math.ceil(totalMilli / targetMilli), averageMilli };
}

function prepare(samples: Samples, resource: string, { pods, readiness }: Situation): { groups: PodGroups; counted: Samples } {
  if (pods.length === 0) throw new KeelsonError('BadRequest', 'no pods returned by selector while calculating replica count');
  const groups = groupPods(pods, samples, resource, readiness);
  const names = new Set(pods.map(nameOf));
  const counted = new Map(
    [...samples].filter(([name]) => names.has(name) && !groups.ignored.has(name) && !groups.unready.has(name)),
  );
  if (counted.size === 0)
    throw new KeelsonError('BadRequest', 'did not receive metrics for targeted pods (pods might be unready)');
  return { groups, counted };
}

interface Proposal {
  readonly groups: PodGroups;
  readonly counted: Samples;
  /** How much of the target is used. */
  readonly ratioOf: (samples: Samples) => number;
  /** What a pod without metrics counts as when there might be too many pods, in thousandths. */
  readonly assumed: (name: string) => number;
}

/**
 * Pods of which nothing is known damp the change: they count as fully used where there might be too many pods, and as unused where there might be
 * too few, as those do that are starting. If that turns the direction around, nothing is changed.
 *
 * Example: 3 of 4 pods use 60 % of a target of 50 %, which is a ratio of 1.2: 4 pods. With the fourth, of which nothing is known, as unused it
 * is 0.9: the direction has turned, and there stay 4.
 */
function propose({ groups, counted, ratioOf, assumed }: Proposal, { currentReplicas, tolerance }: Situation): number {
  const { missing, readyCount, unready } = groups;
  const ratio = ratioOf(counted);
  const withUnready = unready.size > 0 && ratio > 1;
  if (!withUnready && missing.size === 0) {
    return isTolerable(ratio, tolerance) ? currentReplicas : Math.ceil(ratio * readyCount);
  }
  const filled = new Map<string, Sample>(counted);
  const fill = (name: string, milli: number): void => void filled.set(name, { milli, atMs: 0, windowMs: 0 });
  if (ratio < 1) for (const name of missing) fill(name, assumed(name));
  else if (ratio > 1) for (const name of missing) fill(name, 0);
  if (withUnready) for (const name of unready) fill(name, 0);
  const damped = ratioOf(filled);
  const hasTurned = (ratio < 1 && damped > 1) || (ratio > 1 && damped < 1);
  if (isTolerable(damped, tolerance) || hasTurned) return currentReplicas;
  const replicas = Math.ceil(damped * filled.size);
  const isContrary = (damped < 1 && replicas > currentReplicas) || (damped > 1 && replicas < currentReplicas);
  return isContrary ? currentReplicas : replicas;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
