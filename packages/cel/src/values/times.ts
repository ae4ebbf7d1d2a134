import { EvaluationFailure } from './failure.ts';
import { CelDuration, CelTimestamp } from './value.ts';

const NANOS_PER_MILLI = 1_000_000n;
const NANOS_PER_SECOND = 1_000_000_000n;
const MAX_INT = 2n ** 63n - 1n;
/** 0001-01-01 and the end of 9999. */
const FIRST = -62_135_596_800n * NANOS_PER_SECOND;
const LAST = 253_402_300_799n * NANOS_PER_SECOND + 999_999_999n;

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})$/;
const DURATION_PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: NANOS_PER_MILLI,
  s: NANOS_PER_SECOND,
  m: 60n * NANOS_PER_SECOND,
  h: 3_600n * NANOS_PER_SECOND,
};

/** A time in RFC 3339. Throws if it is none. */
export function parseTimestamp(text: string): CelTimestamp {
  const parts = TIMESTAMP.exec(text);
  const millis = parts
    ? Date.parse(`${parts.slice(1, 4).join('-')}T${parts.slice(4, 7).join(':')}${parts[8]?.toUpperCase()}`)
    : Number.NaN;
  const day = parts ? new Date(Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]))).getUTCDate() : 0;
  if (!parts || Number.isNaN(millis) || (day !== Number(parts[3]) && Number(parts[1]) > 99)) {
    throw new EvaluationFailure(
      `parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(text)}`,
    );
  }
  return timestamp(BigInt(millis) * NANOS_PER_MILLI + BigInt((parts[7] ?? '').padEnd(9, '0')));
}

/** A timestamp in the range that CEL has; throws outside of it. */
export function timestamp(nanos: bigint): CelTimestamp {
  if (nanos < FIRST || nanos > LAST) throw new EvaluationFailure('timestamp overflow');
  return new CelTimestamp(nanos);
}

/** A duration in the range that CEL has; throws outside of it. */
export function duration(nanos: bigint): CelDuration {
  if (nanos > MAX_INT || nanos < -MAX_INT - 1n) throw new EvaluationFailure('duration overflow');
  return new CelDuration(nanos);
}

/** A duration such as `1h30m` or `-1.5s`, as Go reads it. Throws if it is none. */
export function parseDuration(text: string): CelDuration {
  const nanos = durationNanos(text);
  if (nanos === undefined) throw new EvaluationFailure(`time: invalid duration ${JSON.stringify(text)}`);
  return duration(nanos);
}

function durationNanos(text: string): bigint | undefined {
  const signed = text.startsWith('-') || text.startsWith('+');
  const body = signed ? text.slice(1) : text;
  if (body === '0') return 0n;
  if (body === '' || body.length > 128) return undefined;
  let total = 0n;
  for (let at = 0; at < body.length;) {
    DURATION_PART.lastIndex = at;
    const [whole, units = '', fraction = '', unit = ''] = DURATION_PART.exec(body) ?? [];
    const scale = UNIT_NANOS[unit];
    if (whole === undefined || scale === undefined || (units === '' && fraction === '')) return undefined;
    total += BigInt(units || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length);
    at += whole.length;
  }
  return text.startsWith('-') ? -total : total;
}

/** As `string(duration)` shows it: in seconds. */
export function formatDuration({ nanos }: CelDuration): string {
  const sign = nanos < 0n ? '-' : '';
  const size = nanos < 0n ? -nanos : nanos;
  return `${sign}${size / NANOS_PER_SECOND}${fractionOf(size % NANOS_PER_SECOND)}s`;
}

/** In RFC 3339, with as many digits of the second as needed. */
export function formatTimestamp({ nanos }: CelTimestamp): string {
  const rest = ((nanos % NANOS_PER_SECOND) + NANOS_PER_SECOND) % NANOS_PER_SECOND;
  const seconds = (nanos - rest) / NANOS_PER_SECOND;
  return `${new Date(Number(seconds) * 1_000).toISOString().slice(0, 19)}${fractionOf(rest)}Z`;
}

function fractionOf(nanos: bigint): string {
  return nanos === 0n ? '' : `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}

/** Throws if the text is no base64. */
export function decodeBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (char) => char.codePointAt(0) ?? 0);
  } catch {
    throw new EvaluationFailure('illegal base64 data');
  }
}
