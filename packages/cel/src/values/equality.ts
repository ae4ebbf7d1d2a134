import { itemsOf } from './lists.ts';
import { keyOf } from './maps.ts';
import { CelUint, type CelList, type CelMap, type CelObject, type CelOpaque, type CelValue } from './value.ts';

/** CEL's equality: numbers of all types compare by amount, lists of a schema as that says, and what cannot be equal is not. */
export function equal(one: CelValue, other: CelValue): boolean {
  if (one === other) return true;
  if (one === null || other === null) return false;
  if (isNumeric(one)) return isNumeric(other) && compareNumbers(one, other) === 0;
  if (typeof one !== 'object' || typeof other !== 'object') return false;
  if (one instanceof Uint8Array) return other instanceof Uint8Array && compareBytes(one, other) === 0;
  if (other instanceof Uint8Array || one.kind !== other.kind) return false;
  switch (one.kind) {
    case 'timestamp':
    case 'duration':
      return 'nanos' in other && one.nanos === other.nanos;
    case 'type':
      return 'name' in other && one.name === other.name;
    case 'list':
      return equalLists(one, other as CelList);
    case 'map':
      return equalMaps(one, other as CelMap);
    case 'object':
      return equalObjects(one, other as CelObject);
    case 'opaque':
      return one.equals(other as CelOpaque);
    case 'optional': {
      const inner = (other as typeof one).value;
      return one.value === undefined || inner === undefined ? one.value === inner : equal(one.value, inner);
    }
  }
}

function equalLists(one: CelList, other: CelList): boolean {
  if (one.size !== other.size) return false;
  const type = one.semantics?.type ?? other.semantics?.type;
  if (type === 'set' || type === 'map') return equalUnordered(one, other);
  for (let index = 0; index < one.size; index++) if (!equal(one.at(index), other.at(index))) return false;
  return true;
}

/** Items of sets are unique, and of lists with keys by their keys; so it is enough to find each in the other. */
function equalUnordered(one: CelList, other: CelList): boolean {
  const index = new Map<unknown, CelValue>();
  const keys = one.semantics?.keys ?? other.semantics?.keys ?? [];
  for (const item of itemsOf(other)) index.set(identityOf(item, keys), item);
  return itemsOf(one).every((item) => {
    const match = index.get(identityOf(item, keys));
    return match !== undefined && equal(item, match);
  });
}

/** What tells an item of a set, or of a list with keys, from the others. */
export function identityOf(item: CelValue, keys: readonly string[]): unknown {
  if (item !== null && typeof item === 'object' && 'kind' in item && (item.kind === 'object' || item.kind === 'map')) {
    return keys.map((key) => JSON.stringify(String(item.get(key) ?? null))).join(',');
  }
  return item instanceof CelUint ? item.value : item;
}

function equalMaps(one: CelMap, other: CelMap): boolean {
  if (one.size !== other.size) return false;
  for (const key of one.keys()) {
    const normal = keyOf(key);
    const [mine, theirs] = normal === undefined ? [] : [one.get(normal), other.get(normal)];
    if (mine === undefined || theirs === undefined || !equal(mine, theirs)) return false;
  }
  return true;
}

function equalObjects(one: CelObject, other: CelObject): boolean {
  const fields = [...one.fields()];
  if (fields.length !== [...other.fields()].length) return false;
  return fields.every((field) => {
    const mine = one.get(field);
    const theirs = other.get(field);
    return mine === undefined || theirs === undefined ? mine === theirs : equal(mine, theirs);
  });
}

export type CelNumber = bigint | number | CelUint;

export function isNumeric(value: CelValue): value is CelNumber {
  return typeof value === 'bigint' || typeof value === 'number' || value instanceof CelUint;
}

/** Negative, zero or positive; not a number if either is none. An integer and a double compare as doubles, as in Go. */
export function compareNumbers(one: CelNumber, other: CelNumber): number {
  const left = one instanceof CelUint ? one.value : one;
  const right = other instanceof CelUint ? other.value : other;
  if (typeof left === typeof right) return compareSame(left, right);
  return compareSame(Number(left), Number(right));
}

function compareSame(left: bigint | number, right: bigint | number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  return left === right ? 0 : Number.NaN;
}

export function compareBytes(one: Uint8Array, other: Uint8Array): number {
  const shared = Math.min(one.length, other.length);
  for (let index = 0; index < shared; index++) {
    const difference = (one[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

/** By code points, as Go compares UTF-8; JavaScript compares UTF-16 units. */
export function compareStrings(one: string, other: string): number {
  if (one === other) return 0;
  for (let index = 0; index < one.length && index < other.length; index++) {
    const left = one.charCodeAt(index);
    const right = other.charCodeAt(index);
    if (left === right) continue;
    const bothSurrogate = isSurrogate(left) === isSurrogate(right);
    return bothSurrogate ? left - right : isSurrogate(left) ? 1 : -1;
  }
  return one.length - other.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
