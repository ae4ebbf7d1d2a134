/**
 * How a value of an object is divided among the managers of its fields: what server-side apply needs to know of a type. Adapters make it
 * out of the tables (`tableSchema`) or of a custom resource's structural schema. Schemas may refer to themselves; they are compared by
 * identity, so an adapter makes each once.
 */
export type ValueSchema = ScalarSchema | MapSchema | ListSchema | UntypedSchema;

/** A value that has one owner at a time: a string, a number, a boolean, or (without `scalar`) any of them. */
export interface ScalarSchema {
  readonly type: 'scalar';
  readonly scalar?: 'string' | 'numeric' | 'boolean';
}

/** An object: a struct with known fields, a map with any keys, or both. */
export interface MapSchema {
  readonly type: 'map';
  /** Owned as a whole: `x-kubernetes-map-type: atomic`. */
  readonly atomic?: boolean;
  /** The fields of a struct. */
  readonly fields: ReadonlyMap<string, ValueSchema>;
  /** What a key that is no field holds: `additionalProperties`, or `UNTYPED` for `x-kubernetes-preserve-unknown-fields`. Absent: there must be none. */
  readonly values?: ValueSchema;
  /** What a field counts as that is not there: `default` of its schema. Only the keys of list items are looked at. */
  readonly defaults?: ReadonlyMap<string, unknown>;
  /**
   * Fields that also an object without content has, since Go writes them always: nobody comes to own the field itself by filling it.
   * `zero`: a struct, which has such fields in turn; `null`: anything else. Custom resources have none.
   */
  readonly always?: ReadonlyMap<string, 'zero' | 'null'>;
}

/** A list: owned as a whole, or a set of scalars, or objects that are told apart by the fields in `keys`. */
export interface ListSchema {
  readonly type: 'list';
  readonly listType: 'atomic' | 'set' | 'map';
  readonly items: ValueSchema;
  /** For `map`: sorted. */
  readonly keys?: readonly string[];
}

/** Whatever is found: scalars and lists are owned as a whole, objects field by field. */
export interface UntypedSchema {
  readonly type: 'untyped';
}

export const UNTYPED: UntypedSchema = Object.freeze({ type: 'untyped' });
export const SCALAR: ScalarSchema = Object.freeze({ type: 'scalar' });

const UNTYPED_MAP: MapSchema = Object.freeze({ type: 'map', fields: new Map(), values: UNTYPED });
const UNTYPED_LIST: ListSchema = Object.freeze({ type: 'list', listType: 'atomic', items: UNTYPED });

/** Hot path: what an untyped value is, by what it holds; other schemas stay what they are. */
export function schemaFor(schema: ValueSchema, value: unknown): Exclude<ValueSchema, UntypedSchema> {
  if (schema.type !== 'untyped') return schema;
  if (typeof value !== 'object' || value === null) return SCALAR;
  return Array.isArray(value) ? UNTYPED_LIST : UNTYPED_MAP;
}

/** The schema of what stands under a key. */
export function fieldSchema(schema: MapSchema, key: string): ValueSchema {
  return schema.fields.get(key) ?? schema.values ?? UNTYPED;
}
