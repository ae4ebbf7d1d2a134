import { KeelsonError } from '@keelson/base';

/** How a quantity is written: `1Gi`, `1G`, or `1e9`. */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

const NANOS = 1_000_000_000n;
/** What upstream cuts large amounts down to. */
const MAX_NANOS = (2n ** 63n - 1n) * NANOS;
/** Decimal exponents beyond this are cut off rather than computed, so that no text can cost more than a few steps. */
const MAX_EXPONENT = 64;

const DECIMAL_SUFFIXES = new Map([
  [-9, 'n'],
  [-6, 'u'],
  [-3, 'm'],
  [0, ''],
  [3, 'k'],
  [6, 'M'],
  [9, 'G'],
  [12, 'T'],
  [15, 'P'],
  [18, 'E'],
]);
const DECIMAL_EXPONENTS = new Map([...DECIMAL_SUFFIXES].map(([exponent, suffix]) => [suffix, exponent]));
const BINARY_SUFFIXES = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*)([-+]?\d*)$/;

/**
 * An amount such as `500m` or `1Gi`, exact down to one billionth. Immutable. `toString()` gives the canonical form: the largest suffix
 * that needs no fraction, in the format that the amount was given in.
 */
export class Quantity {
  static readonly ZERO: Quantity = new Quantity(0n, 'DecimalSI');

  readonly format: QuantityFormat;
  readonly #nanos: bigint;
  #text: string | undefined;

  /** `nanos` is the amount in billionths. Use `parseQuantity` for text. */
  constructor(nanos: bigint, format: QuantityFormat) {
    this.#nanos = nanos;
    this.format = format;
  }

  /** The sum. It keeps this format, unless this amount is zero. */
  add(other: Quantity): Quantity {
    return new Quantity(this.#nanos + other.#nanos, this.#formatWith(other));
  }

  /** The difference. It keeps this format, unless this amount is zero. */
  sub(other: Quantity): Quantity {
    return new Quantity(this.#nanos - other.#nanos, this.#formatWith(other));
  }

  neg(): Quantity {
    return new Quantity(-this.#nanos, this.format);
  }

  /** -1, 0 or 1: this amount is less than, the same as or more than the other, whatever their formats. */
  cmp(other: Quantity): -1 | 0 | 1 {
    if (this.#nanos === other.#nanos) return 0;
    return this.#nanos < other.#nanos ? -1 : 1;
  }

  isZero(): boolean {
    return this.#nanos === 0n;
  }

  /** -1, 0 or 1. */
  sign(): -1 | 0 | 1 {
    if (this.#nanos === 0n) return 0;
    return this.#nanos < 0n ? -1 : 1;
  }

  /** In units, rounded away from zero; a `bigint` only where a `number` would lose precision. */
  value(): number | bigint {
    return narrow(divideUp(this.#nanos, NANOS));
  }

  /** In thousandths (milli-CPUs), rounded away from zero; a `bigint` only where a `number` would lose precision. */
  milliValue(): number | bigint {
    return narrow(divideUp(this.#nanos, 1_000_000n));
  }

  /** The nearest `number`, for ratios and scores. */
  toNumber(): number {
    return Number(this.#nanos) / 1e9;
  }

  toString(): string {
    this.#text ??= canonicalText(this.#nanos, this.format);
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  #formatWith(other: Quantity): QuantityFormat {
    return this.#nanos === 0n ? other.format : this.format;
  }
}

function divideUp(amount: bigint, unit: bigint): bigint {
  const quotient = amount / unit;
  if (quotient * unit === amount) return quotient;
  return amount < 0n ? quotient - 1n : quotient + 1n;
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function canonicalText(nanos: bigint, format: QuantityFormat): string {
  if (nanos === 0n) return '0';
  const fitsBinary = nanos % NANOS === 0n && (nanos >= 1024n * NANOS || nanos <= -1024n * NANOS);
  if (format === 'BinarySI' && fitsBinary) return binaryText(nanos / NANOS);
  return decimalText(nanos, format === 'DecimalExponent');
}

function binaryText(value: bigint): string {
  let steps = 0;
  while (steps < BINARY_SUFFIXES.length - 1 && value % 1024n === 0n) {
    value /= 1024n;
    steps += 1;
  }
  return `${value}${BINARY_SUFFIXES[steps]}`;
}

function decimalText(amount: bigint, asExponent: boolean): string {
  let exponent = -9;
  while (amount % 1000n === 0n && (asExponent || exponent < 18)) {
    amount /= 1000n;
    exponent += 3;
  }
  if (asExponent) return exponent === 0 ? `${amount}` : `${amount}e${exponent}`;
  return `${amount}${DECIMAL_SUFFIXES.get(exponent)}`;
}

/**
 * Reads a quantity as Kubernetes does: `1`, `0.5`, `500m`, `1Gi`, `1e3`. What is finer than a billionth is rounded away from zero, what
 * is larger than 2^63-1 may be cut to that. Throws `BadRequest` with upstream's message.
 */
export function parseQuantity(text: string | number | bigint): Quantity {
  const [, sign, whole = '', fraction = '', letters = '', digits = ''] = SHAPE.exec(String(text).trim()) ?? refuse(WRONG_FORMAT);
  if (whole === '' && fraction === '') refuse(WRONG_FORMAT);
  const { base, exponent, format } = parseSuffix(letters, digits);
  const significant = whole.replace(/^0+/, '').length + fraction.length;
  const unscaled = BigInt(`${whole}${fraction}`);
  const nanos =
    base === 2
      ? binaryNanos(unscaled, exponent, fraction.length)
      : decimalNanos(unscaled, exponent - fraction.length, significant);
  const isFraction = format === 'BinarySI' && nanos < NANOS;
  return new Quantity(sign === '-' ? -nanos : nanos, isFraction ? 'DecimalSI' : format);
}

function binaryNanos(unscaled: bigint, exponent: number, fractionDigits: number): bigint {
  const nanos = divideUp((unscaled << BigInt(exponent)) * NANOS, 10n ** BigInt(fractionDigits));
  return nanos > MAX_NANOS ? MAX_NANOS : nanos;
}

function decimalNanos(unscaled: bigint, exponent: number, significantDigits: number): bigint {
  if (unscaled === 0n) return 0n;
  if (exponent > MAX_EXPONENT) return MAX_NANOS;
  const shift = exponent + 9;
  if (shift < -MAX_EXPONENT - significantDigits) return 1n;
  const nanos = shift >= 0 ? unscaled * 10n ** BigInt(shift) : divideUp(unscaled, 10n ** BigInt(-shift));
  const isCapped = significantDigits > 18 && nanos > MAX_NANOS;
  return isCapped ? MAX_NANOS : nanos;
}

function parseSuffix(letters: string, digits: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  if (digits !== '' && (letters === 'e' || letters === 'E')) {
    if (!/\d/.test(digits)) refuse(WRONG_SUFFIX);
    return { base: 10, exponent: Number(digits), format: 'DecimalExponent' };
  }
  if (digits !== '') refuse(WRONG_SUFFIX);
  const exponent = DECIMAL_EXPONENTS.get(letters);
  if (exponent !== undefined) return { base: 10, exponent, format: 'DecimalSI' };
  const steps = BINARY_SUFFIXES.indexOf(letters);
  if (steps < 0) refuse(WRONG_SUFFIX);
  return { base: 2, exponent: steps * 10, format: 'BinarySI' };
}

const WRONG_FORMAT = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const WRONG_SUFFIX = "unable to parse quantity's suffix";

function refuse(message: string): never {
  throw new KeelsonError('BadRequest', message);
}

/** The one way in which Kubernetes writes this amount: `1000m` is `1`, `1024Mi` is `1Gi`. Throws as `parseQuantity` does. */
export function canonicalQuantity(text: string | number | bigint): string {
  return parseQuantity(text).toString();
}
