import * as types from '../types/cel-type.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { sizeOf } from '../values/size.ts';
import { duration, formatDuration, formatTimestamp, parseDuration, parseTimestamp, timestamp } from '../values/times.ts';
import { CelTypeValue, typeName, type CelDuration, type CelTimestamp, type CelUint, type CelValue } from '../values/value.ts';
import { formatDouble } from './doubles.ts';
import { uint } from './operators.ts';
import { overload, type Overload } from './overload.ts';

const SECOND = 1_000_000_000n;
const TWO_63 = 2 ** 63;
const TWO_64 = 2 ** 64;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);
const encoder = new TextEncoder();

function same(value: CelValue): CelValue {
  return value;
}

/** From one type to another, and `type`, `dyn` and `size`. */
export function conversions(): Overload[] {
  return [
    ...toInt(),
    ...toUint(),
    ...toDouble(),
    ...toText(),
    ...toTime(),
    overload('bool_to_bool', 'bool(bool) bool', same),
    overload('string_to_bool', 'bool(string) bool', toBool),
    overload('to_dyn', 'dyn(A) dyn', same),
    overload('type', 'type(A) type(A)', (value: CelValue) => new CelTypeValue(typeName(value))),
    ...sizes(),
  ];
}

function sizes(): Overload[] {
  const size = (value: CelValue) => BigInt(sizeOf(value));
  return ['string', 'bytes', 'list(A)', 'map(A,B)'].flatMap((type) => {
    const name = type.replace(/\(.*/, '');
    return [overload(`size_${name}`, `size(${type}) int`, size), overload(`${name}_size`, `${type}.size() int`, size)];
  });
}

function toInt(): Overload[] {
  return [
    overload('int64_to_int64', 'int(int) int', same),
    overload('uint64_to_int64', 'int(uint) int', ({ value }: CelUint) => {
      if (value >= 2n ** 63n) throw new EvaluationFailure('integer overflow');
      return value;
    }),
    overload('double_to_int64', 'int(double) int', (value: number) => {
      if (!(value > -TWO_63 && value < TWO_63)) throw new EvaluationFailure('integer overflow');
      return BigInt(Math.trunc(value));
    }),
    overload('string_to_int64', 'int(string) int', (text: string) => {
      const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
      if (value === undefined || value >= 2n ** 63n || value < -(2n ** 63n)) throw unconvertible('string', 'int');
      return value;
    }),
    overload('timestamp_to_int64', 'int(timestamp) int', ({ nanos }: CelTimestamp) => {
      const rest = ((nanos % SECOND) + SECOND) % SECOND;
      return (nanos - rest) / SECOND;
    }),
    overload('duration_to_int64', 'int(duration) int', ({ nanos }: CelDuration) => nanos),
  ];
}

function toUint(): Overload[] {
  return [
    overload('uint64_to_uint64', 'uint(uint) uint', same),
    overload('int64_to_uint64', 'uint(int) uint', (value: bigint) => uint(value)),
    overload('double_to_uint64', 'uint(double) uint', (value: number) => {
      if (!(value >= 0 && value < TWO_64)) throw new EvaluationFailure('unsigned integer overflow');
      return uint(BigInt(Math.trunc(value)));
    }),
    overload('string_to_uint64', 'uint(string) uint', (text: string) => {
      const value = /^\d{1,20}$/.test(text) ? BigInt(text) : undefined;
      if (value === undefined || value >= 2n ** 64n) throw unconvertible('string', 'uint');
      return uint(value);
    }),
  ];
}

function toDouble(): Overload[] {
  return [
    overload('double_to_double', 'double(double) double', same),
    overload('int64_to_double', 'double(int) double', (value: bigint) => Number(value)),
    overload('uint64_to_double', 'double(uint) double', ({ value }: CelUint) => Number(value)),
    overload('string_to_double', 'double(string) double', (text: string) => {
      if (DECIMAL.test(text)) return Number(text);
      if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
      if (/^nan$/i.test(text)) return Number.NaN;
      throw unconvertible('string', 'double');
    }),
  ];
}

function toText(): Overload[] {
  return [
    overload('string_to_string', 'string(string) string', same),
    overload('bool_to_string', 'string(bool) string', String),
    overload('int64_to_string', 'string(int) string', String),
    overload('uint64_to_string', 'string(uint) string', ({ value }: CelUint) => String(value)),
    overload('double_to_string', 'string(double) string', formatDouble),
    overload('bytes_to_string', 'string(bytes) string', (bytes: Uint8Array) => {
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        throw new EvaluationFailure('invalid UTF-8 in bytes, cannot convert to string');
      }
    }),
    overload('timestamp_to_string', 'string(timestamp) string', formatTimestamp),
    overload('duration_to_string', 'string(duration) string', formatDuration),
    overload('bytes_to_bytes', 'bytes(bytes) bytes', same),
    overload('string_to_bytes', 'bytes(string) bytes', (text: string) => encoder.encode(text)),
  ];
}

function toTime(): Overload[] {
  return [
    overload('timestamp_to_timestamp', 'timestamp(timestamp) timestamp', same),
    overload('string_to_timestamp', 'timestamp(string) timestamp', parseTimestamp),
    overload('int64_to_timestamp', 'timestamp(int) timestamp', (seconds: bigint) => timestamp(seconds * SECOND)),
    overload('duration_to_duration', 'duration(duration) duration', same),
    overload('string_to_duration', 'duration(string) duration', parseDuration),
    overload('int64_to_duration', 'duration(int) duration', (nanos: bigint) => duration(nanos)),
  ];
}

function toBool(text: string): boolean {
  if (TRUE.has(text)) return true;
  if (FALSE.has(text)) return false;
  throw unconvertible('string', 'bool');
}

function unconvertible(from: string, to: string): EvaluationFailure {
  return new EvaluationFailure(`type conversion error from '${from}' to '${to}'`);
}

/** The types that expressions can name. */
export const TYPE_NAMES: ReadonlyMap<string, types.CelType> = new Map(
  Object.entries({
    bool: types.BOOL,
    int: types.INT,
    uint: types.UINT,
    double: types.DOUBLE,
    string: types.STRING,
    bytes: types.BYTES,
    list: types.listOf(types.DYN),
    map: types.mapOf(types.DYN, types.DYN),
    null_type: types.NULL,
    type: types.typeOfType(types.DYN),
    'google.protobuf.Timestamp': types.TIMESTAMP,
    'google.protobuf.Duration': types.DURATION,
    optional_type: types.optionalOf(types.DYN),
    'net.IP': types.opaque('net.IP'),
    'net.CIDR': types.opaque('net.CIDR'),
    'kubernetes.Quantity': types.opaque('kubernetes.Quantity'),
    'kubernetes.URL': types.opaque('kubernetes.URL'),
  }),
);
