import type { CelType } from '../types/cel-type.ts';

/** An unsigned 64-bit integer. */
export class CelUint {
  readonly kind = 'uint';
  readonly value: bigint;

  constructor(value: bigint) {
    this.value = value;
  }
}

/** A point in time, in nanoseconds since 1970. */
export class CelTimestamp {
  readonly kind = 'timestamp';
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** A length of time, in nanoseconds. */
export class CelDuration {
  readonly kind = 'duration';
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/** What may be there. */
export class CelOptional {
  static readonly NONE: CelOptional = new CelOptional(undefined);

  readonly kind = 'optional';
  readonly value: CelValue | undefined;

  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}

/** A type as a value, such as `int`. */
export class CelTypeValue {
  readonly kind = 'type';
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** How a list of a schema compares and adds up; `atomic` as CEL's own lists do. */
export interface ListSemantics {
  readonly type: 'atomic' | 'set' | 'map';
  readonly keys: readonly string[];
}

/** A list. Elements are made when they are asked for. */
export interface CelList {
  readonly kind: 'list';
  readonly size: number;
  readonly semantics?: ListSemantics | undefined;
  at(index: number): CelValue;
}

/** What a key of a map may be, so that `1`, `1u` and `1.0` are one key. */
export type CelKey = string | bigint | boolean;

/** A map. Values are made when they are asked for. */
export interface CelMap {
  readonly kind: 'map';
  readonly size: number;
  get(key: CelKey): CelValue | undefined;
  keys(): Iterable<CelValue>;
}

/** What has named fields of known types. */
export interface CelObject {
  readonly kind: 'object';
  readonly typeName: string;
  /** `undefined` if the field is not set. */
  get(field: string): CelValue | undefined;
  fields(): Iterable<string>;
}

/** A value that only functions look into, such as a quantity. */
export interface CelOpaque {
  readonly kind: 'opaque';
  readonly type: CelType;
  equals(other: CelOpaque): boolean;
  /** What `size` would be, for the cost of functions on it. */
  readonly size?: number;
}

/** Everything that expressions work on. */
export type CelValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Uint8Array
  | CelUint
  | CelTimestamp
  | CelDuration
  | CelOptional
  | CelTypeValue
  | CelList
  | CelMap
  | CelObject
  | CelOpaque;

/** The name of a value's type, as `type(value)` shows it. */
export function typeName(value: CelValue): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'boolean':
      return 'bool';
    default:
      return value === null ? 'null_type' : compositeTypeName(value);
  }
}

function compositeTypeName(value: Exclude<CelValue, null | boolean | bigint | number | string>): string {
  if (value instanceof Uint8Array) return 'bytes';
  switch (value.kind) {
    case 'uint':
    case 'list':
    case 'map':
    case 'type':
      return value.kind;
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'optional':
      return 'optional_type';
    case 'object':
      return value.typeName;
    case 'opaque':
      return value.type.name;
  }
}
