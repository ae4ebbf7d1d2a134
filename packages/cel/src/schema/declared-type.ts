import { BOOL, DOUBLE, INT, mapOf, listOf, objectType, STRING, type CelType } from '../types/cel-type.ts';
import type { ListSemantics } from '../values/value.ts';

/** A type with what a schema says about its values: how to read them from JSON, and how many elements there can be. */
export interface DeclaredType {
  readonly type: CelType;
  /** The most characters, bytes, items or entries that a value can have. */
  readonly maxElements: number;
  /** The fewest bytes that a value takes in JSON. */
  readonly minSizeBytes: number;
  /** Of a list its items, of a map its values. */
  readonly element?: DeclaredType;
  readonly key?: DeclaredType;
  readonly semantics?: ListSemantics;
  /** Of an object, by the names that expressions use. */
  readonly fields?: ReadonlyMap<string, DeclaredField>;
  /** A string that is read as something else. */
  readonly format?: 'byte' | 'date' | 'date-time' | 'duration';
}

/** A field of an object. */
export interface DeclaredField {
  /** Its name in JSON. */
  readonly property: string;
  readonly declared: DeclaredType;
}

/** What the size of a request allows, in bytes: 3 MiB. */
export const MAX_REQUEST_BYTES = 3 * 1024 * 1024;

const NUMBER_BYTES = 1;
const BOOL_BYTES = 4;
/** `""`. */
const STRING_BYTES = 2;

export const DECLARED_BOOL: DeclaredType = { type: BOOL, maxElements: 0, minSizeBytes: BOOL_BYTES };
export const DECLARED_INT: DeclaredType = { type: INT, maxElements: 0, minSizeBytes: NUMBER_BYTES };
export const DECLARED_DOUBLE: DeclaredType = { type: DOUBLE, maxElements: 0, minSizeBytes: NUMBER_BYTES };

export function declaredString(maxElements: number = MAX_REQUEST_BYTES - STRING_BYTES): DeclaredType {
  return { type: STRING, maxElements, minSizeBytes: STRING_BYTES };
}

export function declaredList(element: DeclaredType, maxElements?: number, semantics?: ListSemantics): DeclaredType {
  return {
    type: listOf(element.type),
    maxElements: maxElements ?? Math.floor((MAX_REQUEST_BYTES - 2) / (element.minSizeBytes + 1)),
    minSizeBytes: 2,
    element,
    ...(semantics && { semantics }),
  };
}

export function declaredMap(element: DeclaredType, maxElements?: number): DeclaredType {
  return {
    type: mapOf(STRING, element.type),
    // Each entry takes at least quotes, a key of two bytes, a colon and a comma.
    maxElements: maxElements ?? Math.floor((MAX_REQUEST_BYTES - 2) / (element.minSizeBytes + 6)),
    minSizeBytes: 2,
    element,
    // Kubernetes reckons with no characters for the keys of a map, whatever they hold.
    key: declaredString(0),
  };
}

/** An object with these fields, by the names that expressions use. */
export function declaredObject(name: string, fields: ReadonlyMap<string, DeclaredField>, minSizeBytes = 2): DeclaredType {
  const types = new Map([...fields].map(([field, { declared }]) => [field, declared.type]));
  // Objects count as empty in estimates, as they do in Kubernetes.
  return { type: objectType(name, types), maxElements: 0, minSizeBytes, fields };
}
