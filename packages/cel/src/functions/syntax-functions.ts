import { EvaluationFailure } from '../values/failure.ts';
import { GrowingMap, keyOf } from '../values/maps.ts';
import { CelOptional, CelUint, type CelList, type CelMap, type CelValue } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

/** What syntax stands for: logic, indexing, and what macros insert. Logic is only typed here; it is evaluated where it is planned. */
export function syntaxFunctions(): Overload[] {
  return [
    overload('logical_and', '_&&_(bool,bool) bool', planned),
    overload('logical_or', '_||_(bool,bool) bool', planned),
    overload('conditional', '_?_:_(bool,A,A) A', planned),
    overload('index_list', '_[_](list(A),int) A', at),
    overload('index_map', '_[_](map(A,B),A) B', entry),
    overload('list_optindex_optional_int', '_[?_](list(A),int) optional(A)', (list: CelList, index: CelValue) => {
      const position = positionOf(index);
      return position !== undefined && position >= 0 && position < list.size
        ? new CelOptional(list.at(position))
        : CelOptional.NONE;
    }),
    overload('map_optindex_optional_value', '_[?_](map(A,B),A) optional(B)', (map: CelMap, key: CelValue) => {
      const normal = keyOf(key);
      const value = normal === undefined ? undefined : map.get(normal);
      return value === undefined ? CelOptional.NONE : new CelOptional(value);
    }),
    optionalIndex('optional_list_index_int', '_[_](optional(list(A)),int) optional(A)'),
    optionalIndex('optional_map_index_value', '_[_](optional(map(A,B)),A) optional(B)'),
    optionalIndex('optional_list_optindex_optional_int', '_[?_](optional(list(A)),int) optional(A)'),
    optionalIndex('optional_map_optindex_optional_value', '_[?_](optional(map(A,B)),A) optional(B)'),
    overload('map_insert', '@mapInsert(map(A,B),A,B) map(A,B)', insert, 'cel.@mapInsert'),
    overload('map_insert_map', '@mapInsert(map(A,B),map(A,B)) map(A,B)', insertAll, 'cel.@mapInsert'),
  ];
}

function planned(): CelValue {
  throw new EvaluationFailure('no such overload');
}

function optionalIndex(id: string, signature: string): Overload {
  return overload(id, signature, ({ value }: CelOptional, key: CelValue) => {
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return CelOptional.NONE;
    if (value.kind === 'list') {
      const position = positionOf(key);
      return position !== undefined && position >= 0 && position < value.size
        ? new CelOptional(value.at(position))
        : CelOptional.NONE;
    }
    const normal = value.kind === 'map' ? keyOf(key) : undefined;
    const found = normal !== undefined && value.kind === 'map' ? value.get(normal) : undefined;
    return found === undefined ? CelOptional.NONE : new CelOptional(found);
  });
}

function positionOf(index: CelValue): number | undefined {
  if (typeof index === 'bigint') return Number(index);
  if (index instanceof CelUint) return Number(index.value);
  return typeof index === 'number' && Number.isSafeInteger(index) ? index : undefined;
}

/** An item of a list. Throws if the index is none of the list's. */
export function at(list: CelList, index: CelValue): CelValue {
  const position = positionOf(index);
  if (position === undefined) throw new EvaluationFailure(`unsupported index value: ${String(index)}`);
  if (position < 0 || position >= list.size) throw new EvaluationFailure(`index out of bounds: ${position}`);
  return list.at(position);
}

/** A value of a map. Throws if the key is none of the map's. */
export function entry(map: CelMap, key: CelValue): CelValue {
  const normal = keyOf(key);
  const value = normal === undefined ? undefined : map.get(normal);
  if (value === undefined) throw new EvaluationFailure(`no such key: ${normal === undefined ? String(key) : String(normal)}`);
  return value;
}

/** Adds to the accumulator of a macro, which nothing else knows yet. */
function insert(map: CelMap, key: CelValue, value: CelValue): CelValue {
  const growing = growingFrom(map);
  growing.add(key, value);
  return growing;
}

function insertAll(map: CelMap, added: CelMap): CelValue {
  const growing = growingFrom(map);
  for (const key of added.keys()) growing.add(key, entry(added, key));
  return growing;
}

function growingFrom(map: CelMap): GrowingMap {
  if (map instanceof GrowingMap) return map;
  throw new EvaluationFailure('no such overload');
}
