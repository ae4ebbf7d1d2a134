import { errorMessage, KeelsonError, SystemClock } from '@keelson/base';

const PERIOD_MS = 10;

/**
 * What `probe` gives once it is something other than `undefined` or `false`. It is asked again and again, also after it has thrown, for ten
 * seconds of real time unless told otherwise; then `Timeout`, with what it threw last.
 */
export async function eventually<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 10_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  const clock = new SystemClock();
  const deadlineMs = clock.monotonic() + timeoutMs;
  let failure: unknown;
  while (clock.monotonic() < deadlineMs) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await clock.sleep(PERIOD_MS);
  }
  const why = failure === undefined ? 'it does not hold' : errorMessage(failure);
  throw new KeelsonError('Timeout', `Waited ${timeoutMs} ms for a condition: ${why}`, { cause: failure });
}
