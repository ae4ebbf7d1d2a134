/** What came of a batch. `error` is the first one; none if all succeeded. */
export interface BatchResult {
  readonly successes: number;
  readonly error?: unknown;
}

/**
 * Calls `run` `count` times: first `initialBatchSize` at once, then twice as many each time all have succeeded. After a failure no further batch
 * begins, so that what cannot succeed (a quota that is used up) is not tried a thousand times. Example: 10 calls from 1 go as 1, 2, 4, 3;
 * if one of the second batch fails, the last 7 are never made. Never rejects.
 */
export async function slowStartBatch(
  count: number,
  initialBatchSize: number,
  run: (index: number) => Promise<unknown>,
): Promise<BatchResult> {
  let successes = 0;
  let size = Math.max(1, initialBatchSize);
  for (let begun = 0; begun < count; size *= 2) {
    const now = Math.min(size, count - begun);
    const first = begun;
    const results = await Promise.allSettled(Array.from({ length: now }, async (_, at) => run(first + at)));
    begun += now;
    const failed = results.filter((result) => result.status === 'rejected');
    successes += now - failed.length;
    if (failed[0]) return { successes, error: failed[0].reason };
  }
  return { successes };
}
