import { KeelsonError, type Clock } from '@keelson/base';
import { untilAborted } from './until-aborted.ts';

/** Gives `work` so much time: then its signal aborts, and this rejects with `Timeout`, whether or not the work looks at signals. */
export async function within<T>(
  { clock, ms, signal }: { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const timer = clock.after(ms, () => limit.abort(new KeelsonError('Timeout', `no answer within ${ms / 1000} s`)));
  try {
    return await untilAborted(work(limit.signal), limit.signal);
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', stop);
  }
}
