import { EvaluationFailure, noSuchOverload } from '../values/failure.ts';
import { compareBytes, compareNumbers, compareStrings, equal, identityOf, type CelNumber } from '../values/equality.ts';
import { ArrayList, itemsOf, JoinedList } from '../values/lists.ts';
import { keyOf } from '../values/maps.ts';
import { duration, timestamp } from '../values/times.ts';
import { CelDuration, CelTimestamp, CelUint, type CelList, type CelMap, type CelValue } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;

/** Arithmetic, comparison and membership; logic is part of evaluating. */
export function operators(): Overload[] {
  return [...equality(), ...arithmetic(), ...comparisons(), ...membership()];
}

function equality(): Overload[] {
  return [
    overload('equals', '_==_(A,A) bool', equal),
    overload('not_equals', '_!=_(A,A) bool', (one: CelValue, other: CelValue) => !equal(one, other)),
    overload('logical_not', '!_(bool) bool', (value: boolean) => !value),
    overload('not_strictly_false', '@not_strictly_false(bool) bool', (value: CelValue) => value !== false),
  ];
}

function arithmetic(): Overload[] {
  return [
    ...integers(),
    overload('add_double', '_+_(double,double) double', (a: number, b: number) => a + b),
    overload('subtract_double', '_-_(double,double) double', (a: number, b: number) => a - b),
    overload('multiply_double', '_*_(double,double) double', (a: number, b: number) => a * b),
    overload('divide_double', '_/_(double,double) double', (a: number, b: number) => a / b),
    overload('negate_double', '-_(double) double', (a: number) => -a),
    overload('add_string', '_+_(string,string) string', (a: string, b: string) => a + b),
    overload('add_bytes', '_+_(bytes,bytes) bytes', addBytes),
    overload('add_list', '_+_(list(A),list(A)) list(A)', addLists),
    overload('add_duration_duration', '_+_(duration,duration) duration', (a: CelDuration, b: CelDuration) =>
      duration(a.nanos + b.nanos),
    ),
    overload('add_timestamp_duration', '_+_(timestamp,duration) timestamp', later),
    overload('add_duration_timestamp', '_+_(duration,timestamp) timestamp', (a: CelDuration, b: CelTimestamp) => later(b, a)),
    overload('subtract_duration_duration', '_-_(duration,duration) duration', (a: CelDuration, b: CelDuration) =>
      duration(a.nanos - b.nanos),
    ),
    overload('subtract_timestamp_duration', '_-_(timestamp,duration) timestamp', (a: CelTimestamp, b: CelDuration) =>
      timestamp(a.nanos - b.nanos),
    ),
    overload('subtract_timestamp_timestamp', '_-_(timestamp,timestamp) duration', (a: CelTimestamp, b: CelTimestamp) =>
      duration(a.nanos - b.nanos),
    ),
  ];
}

function addBytes(one: Uint8Array, other: Uint8Array): Uint8Array {
  const sum = new Uint8Array(one.length + other.length);
  sum.set(one);
  sum.set(other, one.length);
  return sum;
}

function later(from: CelTimestamp, by: CelDuration): CelTimestamp {
  return timestamp(from.nanos + by.nanos);
}

const INTEGERS: Readonly<Record<string, readonly [string, (a: bigint, b: bigint) => bigint]>> = {
  add: ['_+_', (a, b) => a + b],
  subtract: ['_-_', (a, b) => a - b],
  multiply: ['_*_', (a, b) => a * b],
  divide: ['_/_', (a, b) => a / nonZero(b, 'division by zero')],
  modulo: ['_%_', (a, b) => a % nonZero(b, 'modulus by zero')],
};

function integers(): Overload[] {
  const found = Object.entries(INTEGERS).flatMap(([name, [operator, compute]]) => [
    overload(`${name}_int64`, `${operator}(int,int) int`, (a: bigint, b: bigint) => int(compute(a, b))),
    overload(`${name}_uint64`, `${operator}(uint,uint) uint`, (a: CelUint, b: CelUint) => uint(compute(a.value, b.value))),
  ]);
  return [...found, overload('negate_int64', '-_(int) int', (a: bigint) => int(-a))];
}

function nonZero(value: bigint, message: string): bigint {
  if (value === 0n) throw new EvaluationFailure(message);
  return value;
}

/** An integer in CEL's range; throws outside of it. */
export function int(value: bigint): bigint {
  if (value > MAX_INT || value < -MAX_INT - 1n) throw new EvaluationFailure('integer overflow');
  return value;
}

/** As `int`, unsigned. */
export function uint(value: bigint): CelUint {
  if (value < 0n || value > MAX_UINT) throw new EvaluationFailure('unsigned integer overflow');
  return new CelUint(value);
}

/** Lists of a schema add up as it says: a set as a union, one with keys by replacing items of the same keys. */
function addLists(one: CelList, other: CelList): CelList {
  const semantics = one.semantics;
  if (!semantics || semantics.type === 'atomic') return new JoinedList(one, other);
  const merged = new Map<unknown, CelValue>();
  for (const item of itemsOf(one)) merged.set(identityOf(item, semantics.keys), item);
  for (const item of itemsOf(other)) merged.set(identityOf(item, semantics.keys), item);
  return new ArrayList([...merged.values()], semantics);
}

const COMPARISONS: readonly (readonly [string, string, (order: number) => boolean])[] = [
  ['less', '_<_', (order) => order < 0],
  ['less_equals', '_<=_', (order) => order <= 0],
  ['greater', '_>_', (order) => order > 0],
  ['greater_equals', '_>=_', (order) => order >= 0],
];
const ORDERED: readonly (readonly [string, string])[] = [
  ['bool', 'bool'],
  ['string', 'string'],
  ['bytes', 'bytes'],
  ['timestamp', 'timestamp'],
  ['duration', 'duration'],
  ...['int', 'uint', 'double'].flatMap((one) => ['int', 'uint', 'double'].map((other) => [one, other] as const)),
];
/** As CEL calls types in the names of overloads. */
const SUFFIX: Readonly<Record<string, string>> = { int: 'int64', uint: 'uint64' };

function comparisons(): Overload[] {
  return COMPARISONS.flatMap(([name, operator, holds]) =>
    ORDERED.map(([one, other]) => {
      const suffix = one === other ? (SUFFIX[one] ?? one) : `${SUFFIX[one] ?? one}_${SUFFIX[other] ?? other}`;
      return overload(`${name}_${suffix}`, `${operator}(${one},${other}) bool`, (a: CelValue, b: CelValue) => holds(order(a, b)));
    }),
  );
}

/** Negative, zero or positive, for values that have an order among them. */
export function order(one: CelValue, other: CelValue): number {
  if (typeof one === 'string' && typeof other === 'string') return compareStrings(one, other);
  if (typeof one === 'boolean' && typeof other === 'boolean') return Number(one) - Number(other);
  if (one instanceof Uint8Array && other instanceof Uint8Array) return compareBytes(one, other);
  if (one instanceof CelTimestamp && other instanceof CelTimestamp) return compareNumbers(one.nanos, other.nanos);
  if (one instanceof CelDuration && other instanceof CelDuration) return compareNumbers(one.nanos, other.nanos);
  if (isNumber(one) && isNumber(other)) return compareNumbers(one, other);
  throw noSuchOverload();
}

function isNumber(value: CelValue): value is CelNumber {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof CelUint;
}

function membership(): Overload[] {
  return [
    overload('in_list', '@in(A,list(A)) bool', (item: CelValue, list: CelList) => contains(list, item)),
    overload('in_map', '@in(A,map(A,B)) bool', (key: CelValue, map: CelMap) => {
      const normal = keyOf(key);
      return normal !== undefined && map.get(normal) !== undefined;
    }),
  ];
}

/** Whether a list has an item. */
export function contains(list: CelList, item: CelValue): boolean {
  for (let index = 0; index < list.size; index++) if (equal(list.at(index), item)) return true;
  return false;
}
