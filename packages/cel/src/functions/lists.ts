import { equal, isNumeric } from '../values/equality.ts';
import { EvaluationFailure, noSuchOverload } from '../values/failure.ts';
import { ArrayList, itemsOf } from '../values/lists.ts';
import { CelDuration, CelUint, type CelList, type CelValue } from '../values/value.ts';
import { contains, int, order, uint } from './operators.ts';
import { overload, type Overload } from './overload.ts';
import { regularExpression } from './regular-expression.ts';

const COMPARABLE = ['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'];
const SUMMABLE = ['int', 'uint', 'double', 'duration'];

/** Kubernetes' functions for lists. */
export function listFunctions(): Overload[] {
  const lists = COMPARABLE.flatMap((type) => [
    overload(`list_${type}_is_sorted_bool`, `list(${type}).isSorted() bool`, isSorted),
    overload(`list_${type}_min_${type}`, `list(${type}).min() ${type}`, (list: CelList) => extreme(list, 'min', -1)),
    overload(`list_${type}_max_${type}`, `list(${type}).max() ${type}`, (list: CelList) => extreme(list, 'max', 1)),
  ]);
  const sums = SUMMABLE.map((type) => overload(`list_${type}_sum_${type}`, `list(${type}).sum() ${type}`, sumOf(type)));
  return [
    ...lists,
    ...sums,
    overload('list_a_index_of_int', 'list(A).indexOf(A) int', (list: CelList, item: CelValue) => indexOf(itemsOf(list), item)),
    overload('list_a_last_index_of_int', 'list(A).lastIndexOf(A) int', (list: CelList, item: CelValue) => {
      const found = indexOf(itemsOf(list).toReversed(), item);
      return found < 0n ? found : BigInt(list.size) - 1n - found;
    }),
  ];
}

/** Kubernetes' functions for what a regular expression finds. */
export function regexFunctions(): Overload[] {
  return [
    overload('string_find_string', 'string.find(string) string', (text: string, pattern: string) => {
      return findUpTo(text, pattern, 1)[0] ?? '';
    }),
    overload('string_find_all_string', 'string.findAll(string) list(string)', (text: string, pattern: string) => {
      return new ArrayList(findUpTo(text, pattern, Infinity));
    }),
    overload(
      'string_find_all_string_int',
      'string.findAll(string,int) list(string)',
      (text: string, pattern: string, limit: bigint) => {
        return new ArrayList(findUpTo(text, pattern, limit < 0n ? Infinity : Number(limit)));
      },
    ),
  ];
}

function findUpTo(text: string, pattern: string, limit: number): string[] {
  const matcher = regularExpression(pattern).matcher(text);
  const found: string[] = [];
  while (found.length < limit && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}

/** CEL's extension library of sets, on lists. */
export function setFunctions(): Overload[] {
  return [
    overload('list_sets_contains_list', 'contains(list(A),list(A)) bool', containsAll, 'sets.contains'),
    overload(
      'list_sets_equivalent_list',
      'equivalent(list(A),list(A)) bool',
      (a: CelList, b: CelList) => {
        return containsAll(a, b) && containsAll(b, a);
      },
      'sets.equivalent',
    ),
    overload(
      'list_sets_intersects_list',
      'intersects(list(A),list(A)) bool',
      (a: CelList, b: CelList) => {
        return itemsOf(b).some((item) => contains(a, item));
      },
      'sets.intersects',
    ),
  ];
}

function containsAll(list: CelList, items: CelList): boolean {
  return itemsOf(items).every((item) => contains(list, item));
}

function isSorted(list: CelList): boolean {
  const items = itemsOf(list);
  return items.every((item, index) => index === 0 || order(items[index - 1] ?? null, item) <= 0);
}

function extreme(list: CelList, name: string, direction: number): CelValue {
  const items = itemsOf(list);
  const [first] = items;
  if (first === undefined) throw new EvaluationFailure(`${name} called on empty list`);
  return items.reduce((best, item) => (order(item, best) * direction > 0 ? item : best), first);
}

function indexOf(items: readonly CelValue[], wanted: CelValue): bigint {
  return BigInt(items.findIndex((item) => equal(item, wanted)));
}

const ZERO: Readonly<Record<string, CelValue>> = { int: 0n, uint: new CelUint(0n), double: 0, duration: new CelDuration(0n) };

/** A list that is empty sums to a zero of its declared type; others by what is in them. */
function sumOf(type: string): (list: CelList) => CelValue {
  return (list) =>
    itemsOf(list).reduce<CelValue>((sum, item, index) => (index === 0 ? checked(item) : add(sum, item)), ZERO[type] ?? 0n);
}

function checked(item: CelValue): CelValue {
  if (isNumeric(item) || item instanceof CelDuration) return item;
  throw noSuchOverload();
}

function add(one: CelValue, other: CelValue): CelValue {
  if (typeof one === 'bigint' && typeof other === 'bigint') return int(one + other);
  if (typeof one === 'number' && typeof other === 'number') return one + other;
  if (one instanceof CelUint && other instanceof CelUint) return uint(one.value + other.value);
  if (one instanceof CelDuration && other instanceof CelDuration) return new CelDuration(int(one.nanos + other.nanos));
  throw noSuchOverload();
}
