import type { ReconcileResult } from '@keelson/controller-runtime';

/** After the shortest of the waits; `undefined` and 0 are none. */
export function comeBackAfter(...waits: readonly (number | undefined)[]): ReconcileResult {
  const requeueAfterMs = Math.min(...waits.filter((waitMs) => waitMs !== undefined && waitMs > 0).map(Number));
  return Number.isFinite(requeueAfterMs) ? { requeueAfterMs } : {};
}
