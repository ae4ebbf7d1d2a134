const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** Milliseconds of a duration as Go writes it, such as `1m0.5s`; 0 for what is none. */
export function durationMs(text: string): number {
  let sum = 0;
  for (const [, number, unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g))
    sum += Number(number) * (UNITS[unit] ?? 0);
  return sum;
}
