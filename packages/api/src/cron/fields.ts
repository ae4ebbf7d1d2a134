import { badRequest } from '../status.ts';

/** The values that one of the five fields allows. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  /** It was written as `*`, so that it leaves the choice of days to the other field of days. */
  readonly isAny: boolean;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

export const MINUTE: Bounds = { min: 0, max: 59 };
export const HOUR: Bounds = { min: 0, max: 23 };
export const DAY_OF_MONTH: Bounds = { min: 1, max: 31 };
export const MONTH: Bounds = {
  min: 1,
  max: 12,
  names: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
export const DAY_OF_WEEK: Bounds = { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };

/** A list of ranges: `5`, `1-5`, `*`, `?`, each with a step, such as `10-30/5`; `10/5` goes on to the end. Throws `BadRequest`. */
export function parseField(text: string, bounds: Bounds): CronField {
  const values = new Set<number>();
  let isAny = false;
  for (const part of text.split(',').filter((each) => each !== '')) {
    const range = parseRange(part, bounds);
    isAny ||= range.isAny;
    for (let value = range.start; value <= range.end; value += range.step) values.add(value);
  }
  return { values, isAny };
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly isAny: boolean;
}

function parseRange(text: string, bounds: Bounds): Range {
  const [span = '', stepText, ...slashes] = text.split('/');
  const [low = '', high, ...hyphens] = span.split('-');
  const isAny = low === '*' || low === '?';
  const start = isAny ? bounds.min : parseValue(low, bounds);
  if (!isAny && hyphens.length > 0) throw badRequest(`too many hyphens: ${text}`);
  const last = isAny ? bounds.max : high === undefined ? start : parseValue(high, bounds);
  if (slashes.length > 0) throw badRequest(`too many slashes: ${text}`);
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  const end = stepText !== undefined && high === undefined ? bounds.max : last;
  checkRange({ start, end, step, isAny }, text, bounds);
  return { start, end, step, isAny: isAny && step === 1 };
}

function checkRange({ start, end, step }: Range, text: string, { min, max }: Bounds): void {
  if (start < min) throw badRequest(`beginning of range (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw badRequest(`end of range (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw badRequest(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw badRequest(`step of range should be a positive number: ${text}`);
}

function parseValue(text: string, { names }: Bounds): number {
  const named = text === '' ? -1 : (names?.indexOf(text.toLowerCase()) ?? -1);
  return named >= 0 ? named : parseNumber(text);
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text))
    throw badRequest(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  const number = Number(text);
  if (number < 0) throw badRequest(`negative number (${number}) not allowed: ${text}`);
  return number;
}
