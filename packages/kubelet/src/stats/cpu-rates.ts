interface Reading {
  readonly atMs: number;
  readonly nanoSeconds: number;
}

interface Readings {
  /** What the rate is counted from. */
  readonly from: Reading;
  readonly newest: Reading;
}

/** A rate is counted over at least so long where it can be: whoever asks every second shall not get what one second brought by chance. */
const WINDOW_MS = 10_000;
const NANOSECONDS = 1e6;

/**
 * Turns counters of CPU time into rates. Each round names all that there is; what it leaves out is forgotten.
 *
 * Example: readings at 0, 4 and 12 s. The one at 4 s is compared with that at 0, the one at 12 s with that at 0 too, since it was not old
 * enough to be replaced by that at 4 s; the next one, with that at 12 s.
 */
export class CpuRates {
  #known = new Map<string, Readings>();

  /** Rates in billionths of a core; nothing for what is seen for the first time, or has begun anew. */
  round(readings: ReadonlyMap<string, Reading>): ReadonlyMap<string, number> {
    const rates = new Map<string, number>();
    const next = new Map<string, Readings>();
    for (const [key, reading] of readings) {
      const known = this.#known.get(key);
      const readingsOf = known && known.newest.nanoSeconds <= reading.nanoSeconds ? advanced(known, reading) : undefined;
      next.set(key, readingsOf ?? { from: reading, newest: reading });
      const rate = readingsOf && rateOf(readingsOf);
      if (rate !== undefined) rates.set(key, rate);
    }
    this.#known = next;
    return rates;
  }
}

function advanced({ from, newest }: Readings, reading: Reading): Readings {
  const isOld = newest.atMs - from.atMs >= WINDOW_MS && reading.atMs > newest.atMs;
  return { from: isOld ? newest : from, newest: reading };
}

function rateOf({ from, newest }: Readings): number | undefined {
  if (newest.atMs <= from.atMs) return undefined;
  return Math.round(((newest.nanoSeconds - from.nanoSeconds) / ((newest.atMs - from.atMs) * NANOSECONDS)) * 1e9);
}
