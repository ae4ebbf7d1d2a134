import { findCondition, isPodReady, parseTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';

/** Until the next of the ready pods has been so for `minReadySeconds`; `undefined` if none is waiting. */
export function untilNextAvailableMs(
  pods: readonly Pod[],
  minReadySeconds: number | undefined,
  nowMs: number,
): number | undefined {
  const minReadyMs = (minReadySeconds ?? 0) * 1000;
  const waits = pods
    .filter((pod) => isPodReady(pod))
    .map((pod) => parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime))
    .map((readyMs) => (readyMs === undefined ? 0 : readyMs + minReadyMs - nowMs))
    .filter((waitMs) => waitMs > 0);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}
