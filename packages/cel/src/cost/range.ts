/** From the least to the most of something; both are at most `MOST`. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** What is taken for "no limit known": the largest unsigned 64-bit integer. */
export const MOST = 2 ** 64;

export const UNKNOWN: Range = { min: 0, max: MOST };
export const ZERO: Range = { min: 0, max: 0 };
export const ONE: Range = { min: 1, max: 1 };

function limit(amount: number): number {
  return Math.min(amount, MOST);
}

export function exactly(amount: number): Range {
  return { min: amount, max: amount };
}

export function add(...ranges: readonly Range[]): Range {
  return ranges.reduce((sum, { min, max }) => ({ min: limit(sum.min + min), max: limit(sum.max + max) }), ZERO);
}

export function multiply(one: Range, other: Range): Range {
  return { min: limit(one.min * other.min), max: limit(one.max * other.max) };
}

/** Rounded up. */
export function scale({ min, max }: Range, factor: number): Range {
  return { min: limit(Math.ceil(min * factor)), max: limit(Math.ceil(max * factor)) };
}

/** What covers both. */
export function either(one: Range, other: Range): Range {
  return { min: Math.min(one.min, other.min), max: Math.max(one.max, other.max) };
}
