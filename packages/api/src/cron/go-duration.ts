import { badRequest } from '../status.ts';

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3600e3 };
const PART = /(\d+\.?\d*|\.\d+)([^\d.]*)/gy;

/** Milliseconds of a Go duration such as `1h30m` or `-1.5s`. Throws `BadRequest` with Go's words. */
export function parseGoDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign = '', digits = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (digits === '0') return 0;
  let [sum, length] = [0, 0];
  for (const [part, number, unit = ''] of digits.matchAll(PART)) {
    const unitMs = UNITS_MS[unit];
    if (unit === '') throw badRequest(`time: missing unit in duration ${quoted}`);
    if (unitMs === undefined) throw badRequest(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    sum += Number(number) * unitMs;
    length += part.length;
  }
  if (length === 0 || length !== digits.length) throw badRequest(`time: invalid duration ${quoted}`);
  return sign === '-' ? -sum : sum;
}
