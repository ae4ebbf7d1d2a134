/** Time, injected wherever it matters, so that tests can move it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that never go back, for measuring; the zero point means nothing. */
  monotonic(): number;
  /** Runs `callback` once after `delayMs` (any length; at least 0), unless the returned handle is disposed first. */
  after(delayMs: number, callback: () => void): Disposable;
  /** Runs `callback` every `periodMs` until the returned handle is disposed. */
  every(periodMs: number, callback: () => void): Disposable;
  /** Resolves after `delayMs`; rejects at once with the signal's reason when it aborts. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** Node cuts longer timers to 1 ms (they are a signed 32-bit count of milliseconds). */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The machine's own time. Its timers keep a process alive unless `unref` was asked for. */
export class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(delayMs: number, callback: () => void): Disposable {
    let timer: ReturnType<typeof setTimeout>;
    const arm = (leftMs: number): void => {
      const stepMs = Math.min(Math.max(0, leftMs), LONGEST_TIMER_MS);
      timer = setTimeout(() => (leftMs > stepMs ? arm(leftMs - stepMs) : callback()), stepMs);
    };
    arm(delayMs);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  every(periodMs: number, callback: () => void): Disposable {
    const timer = setInterval(callback, Math.min(periodMs, LONGEST_TIMER_MS));
    return { [Symbol.dispose]: () => clearInterval(timer) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }
}

/** `Clock.sleep` in terms of `Clock.after`. */
export function sleepOn(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer[Symbol.dispose]();
      reject(signal?.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
