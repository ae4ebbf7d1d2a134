import { findCondition, isPodActive, isPodReady, isSidecar, parseTime, uidOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';
const PHASES: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** What the order looks at, worked out once for each pod. */
interface Candidate {
  readonly pod: Pod;
  /** Pods of the same workload on the same node. */
  readonly neighbours: number;
  readonly isReady: boolean;
  readonly readyMs: number | undefined;
  readonly createdMs: number | undefined;
  readonly restarts: number;
  readonly sidecarRestarts: number;
  readonly cost: number;
}

/**
 * The `count` pods that are missed least, in the order in which they may go. First one that has no node; then one that is pending, or unknown;
 * one that is not ready; the one with the lower deletion cost; one that shares its node with more `related` pods; one that has been ready for
 * a shorter time; one with more restarts; a newer one. Times count by their binary logarithm, and among equals the uid decides, so that
 * it is not always the same node that loses its pod. Example: pods that have been ready for 10 and 17 minutes are equally old, one of 40 minutes is older.
 */
export function podsToDelete(pods: readonly Pod[], count: number, related: readonly Pod[], nowMs: number): readonly Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName ?? '';
    if (isPodActive(pod)) onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const order = byMissedLeast(nowMs);
  return pods
    .map((pod) => candidate(pod, onNode.get(pod.spec?.nodeName ?? '') ?? 0))
    .sort(order)
    .slice(0, Math.max(0, count))
    .map(({ pod }) => pod);
}

function candidate(pod: Pod, neighbours: number): Candidate {
  const isReady = isPodReady(pod);
  return {
    pod,
    neighbours,
    isReady,
    readyMs: isReady ? parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime) : undefined,
    createdMs: parseTime(pod.metadata?.creationTimestamp),
    restarts: Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
    sidecarRestarts: sidecarRestartsOf(pod),
    cost: deletionCost(pod),
  };
}

function byMissedLeast(nowMs: number): (a: Candidate, b: Candidate) => number {
  return (a, b) =>
    Number(hasNode(a)) - Number(hasNode(b)) ||
    phaseOf(a) - phaseOf(b) ||
    Number(a.isReady) - Number(b.isReady) ||
    a.cost - b.cost ||
    b.neighbours - a.neighbours ||
    (a.isReady && b.isReady ? youngerFirst(a, b, { ofA: a.readyMs, ofB: b.readyMs, nowMs }) : 0) ||
    b.restarts - a.restarts ||
    b.sidecarRestarts - a.sidecarRestarts ||
    youngerFirst(a, b, { ofA: a.createdMs, ofB: b.createdMs, nowMs });
}

function hasNode({ pod }: Candidate): boolean {
  return (pod.spec?.nodeName ?? '') !== '';
}

function phaseOf({ pod }: Candidate): number {
  return PHASES[pod.status?.phase ?? ''] ?? 0;
}

function youngerFirst(
  a: Candidate,
  b: Candidate,
  { ofA, ofB, nowMs }: { readonly ofA: number | undefined; readonly ofB: number | undefined; readonly nowMs: number },
): number {
  if (ofA === ofB) return 0;
  if (ofA === undefined) return -1;
  if (ofB === undefined) return 1;
  const difference = bucketOf(nowMs - ofA) - bucketOf(nowMs - ofB);
  return difference === 0 ? compareTexts(uidOf(a.pod), uidOf(b.pod)) : difference;
}

/** By nanoseconds, as Kubernetes measures. */
function bucketOf(ageMs: number): number {
  return ageMs > 0 ? Math.trunc(Math.log2(ageMs * 1e6)) : -1;
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sidecarRestartsOf({ spec, status }: Pod): number {
  const sidecars = new Set((spec?.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const statuses = (status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name));
  return Math.max(0, ...statuses.map(({ restartCount }) => restartCount));
}

/** What is no 32-bit integer in its plain form counts as none. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata?.annotations?.[DELETION_COST] ?? '';
  const cost = /^-?(0|[1-9]\d*)$/.test(text) ? Number(text) : 0;
  return Math.abs(cost) < 2 ** 31 ? cost : 0;
}
