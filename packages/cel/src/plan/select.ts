import { EvaluationFailure, noSuchOverload } from '../values/failure.ts';
import { CelOptional, type CelMap, type CelObject, type CelValue } from '../values/value.ts';

/** A field of an object or an entry of a map; of an optional value, an optional field. */
export function selectField(value: CelValue, field: string): CelValue {
  if (value instanceof CelOptional) return optionalField(value, field);
  const found = holderOf(value).get(field);
  if (found === undefined) throw new EvaluationFailure(`no such key: ${field}`);
  return found;
}

/** As `has()` says. */
export function isFieldSet(value: CelValue, field: string): boolean {
  const inner = value instanceof CelOptional ? value.value : value;
  return inner !== undefined && holderOf(inner).get(field) !== undefined;
}

/** The field, if it is there. */
export function optionalField(value: CelValue, field: string): CelOptional {
  const inner = value instanceof CelOptional ? value.value : value;
  if (inner === undefined) return CelOptional.NONE;
  const found = holderOf(inner).get(field);
  return found === undefined ? CelOptional.NONE : new CelOptional(found);
}

function holderOf(value: CelValue): CelMap | CelObject {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) throw noSuchOverload();
  if (value.kind === 'map' || value.kind === 'object') return value;
  throw noSuchOverload();
}
