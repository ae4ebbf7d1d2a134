import { formatTime, isPodReady, parseTime, resolveIntOrPercent, setCondition } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { replacingMap } from '../replacing-map.ts';

/** After so long, a pod that was to be evicted counts as one that stays. */
export const DELETION_TIMEOUT_MS = 2 * 60_000;

/** What has to be known beside the pods of a budget. */
export interface Expected {
  /** Pods that there should be. */
  readonly expected: number;
  /** How many of them must be healthy. */
  readonly desired: number;
}

/** What a budget asks for, of so many pods. Percentages are rounded up, also of those that may be missing. */
export function expectedOf({ spec }: PodDisruptionBudget, expected: number): Expected {
  const { maxUnavailable, minAvailable } = spec ?? {};
  if (maxUnavailable !== undefined)
    return { expected, desired: Math.max(0, expected - resolveIntOrPercent(maxUnavailable, expected, true)) };
  if (minAvailable !== undefined) return { expected, desired: resolveIntOrPercent(minAvailable, expected, true) };
  return { expected: 0, desired: 0 };
}

/** True if it has to be asked how many pods there should be; else those that are there are what is expected. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
  return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';
}

/** Pods that were evicted and are still there, as far as they may still be on their way. */
export function disruptedPods(budget: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): ReadonlyMap<string, string> {
  const going = new Map<string, string>();
  for (const { metadata } of pods) {
    const time = budget.status?.disruptedPods?.[metadata?.name ?? ''];
    if (time === undefined || metadata?.deletionTimestamp !== undefined) continue;
    if ((parseTime(time) ?? 0) + DELETION_TIMEOUT_MS > nowMs) going.set(metadata?.name ?? '', time);
  }
  return going;
}

/** Until the first of them counts as one that stays. */
export function untilForgottenMs(disrupted: ReadonlyMap<string, string>, nowMs: number): number | undefined {
  const waits = [...disrupted.values()].map((time) => (parseTime(time) ?? 0) + DELETION_TIMEOUT_MS - nowMs);
  return waits.length > 0 ? Math.max(1, Math.min(...waits)) : undefined;
}

/** The fields of the status, for a merge patch. */
export function statusOf(
  budget: PodDisruptionBudget,
  {
    pods,
    disrupted,
    expected,
    desired,
    nowMs,
  }: Expected & {
    readonly pods: readonly Pod[];
    readonly disrupted: ReadonlyMap<string, string>;
    readonly nowMs: number;
  },
): Record<string, unknown> {
  const isHealthy = (pod: Pod): boolean =>
    pod.metadata?.deletionTimestamp === undefined && !disrupted.has(pod.metadata?.name ?? '') && isPodReady(pod);
  const healthy = pods.filter(isHealthy).length;
  // Without any pod expected none may go: when the first ones come, nobody may have counted them yet.
  const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
  const [status, reason] = allowed > 0 ? ['True', 'SufficientPods'] : ['False', 'InsufficientPods'];
  return {
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: allowed,
    disruptedPods: mapOrNothing(replacingMap(Object.fromEntries(disrupted), budget.status?.disruptedPods)),
    observedGeneration: budget.metadata?.generation,
    conditions: withCondition(budget, { status, reason, message: '' }, nowMs),
  };
}

/** When nobody knows how many there should be, none may go. */
export function failedStatus(budget: PodDisruptionBudget, message: string, nowMs: number): Record<string, unknown> {
  return {
    disruptionsAllowed: 0,
    observedGeneration: budget.metadata?.generation,
    conditions: withCondition(budget, { status: 'False', reason: 'SyncFailed', message }, nowMs),
  };
}

function mapOrNothing(map: Record<string, string | null>): Record<string, string | null> | undefined {
  return Object.values(map).every((value) => value === null) ? undefined : map;
}

function withCondition(
  { metadata, status }: PodDisruptionBudget,
  condition: { readonly status: string | undefined; readonly reason: string | undefined; readonly message: string },
  nowMs: number,
): unknown {
  const { status: value = 'False', reason = '', message } = condition;
  return setCondition(
    status?.conditions,
    {
      type: 'DisruptionAllowed',
      status: value,
      reason,
      message,
      observedGeneration: metadata?.generation,
      lastTransitionTime: formatTime(nowMs),
    },
    nowMs,
  );
}
