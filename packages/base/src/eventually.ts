import { SystemClock } from './clock.ts';
import { errorMessage, KeelsonError } from './errors.ts';

const LONGEST_PAUSE_MS = 10;

export interface EventuallyOptions {
  /** Of real time. */
  readonly timeoutMs?: number;
  /** What is the case instead, asked when time is up. */
  readonly describe?: () => unknown;
}

/**
 * What `probe` gives once it is something other than `undefined` or `false`. It is asked again and again, also after it has thrown, for 30
 * seconds of real time unless told otherwise; then `Timeout`, with what it threw last. That is long, since it is for what hangs: what works may
 * be slow too, on a machine that does other things.
 */
export async function eventually<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 30_000, describe }: EventuallyOptions = {},
): Promise<T> {
  const clock = new SystemClock();
  const deadlineMs = clock.monotonic() + timeoutMs;
  let failure: unknown;
  for (let looks = 0; looks === 0 || clock.monotonic() < deadlineMs; looks += 1) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    // Most things are there after a turn or two; those that are not need the machine for themselves.
    await clock.sleep(Math.min(looks, LONGEST_PAUSE_MS));
  }
  const why = failure === undefined ? `it does not hold: ${probe.toString()}` : errorMessage(failure);
  const instead = describe ? `; ${JSON.stringify(describe())}` : '';
  throw new KeelsonError('Timeout', `Waited ${timeoutMs} ms for a condition: ${why}${instead}`, { cause: failure });
}
