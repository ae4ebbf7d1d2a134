import type { DeclaredType } from '../schema/declared-type.ts';
import { EvaluationFailure } from './failure.ts';
import { decodeBase64, parseDuration, parseTimestamp } from './times.ts';
import type { CelKey, CelList, CelMap, CelObject, CelValue, ListSemantics } from './value.ts';

type JsonRecord = Readonly<Record<string, unknown>>;

/**
 * JSON as a value of expressions, read by a type, or as it looks if there is none. Nothing is copied: elements and fields are read when
 * an expression asks for them, so the JSON must not change meanwhile.
 */
export function fromJson(json: unknown, declared?: DeclaredType): CelValue {
  switch (typeof json) {
    case 'string':
      return declared?.format ? formatted(json, declared.format) : json;
    case 'number':
      if (declared?.type.kind === 'double') return json;
      return Number.isInteger(json) ? BigInt(json) : json;
    case 'boolean':
    case 'bigint':
      return json;
    default:
      if (json === null || json === undefined) return null;
      return composite(json, declared);
  }
}

function composite(json: object, declared: DeclaredType | undefined): CelValue {
  if (Array.isArray(json)) return new JsonList(json, declared);
  return declared?.fields ? new JsonObject(json as JsonRecord, declared) : new JsonMap(json as JsonRecord, declared?.element);
}

function formatted(text: string, format: NonNullable<DeclaredType['format']>): CelValue {
  switch (format) {
    case 'byte':
      return decodeBase64(text);
    case 'duration':
      return parseDuration(text);
    case 'date':
      return parseTimestamp(`${text}T00:00:00Z`);
    case 'date-time':
      return parseTimestamp(text);
  }
}

class JsonList implements CelList {
  readonly kind = 'list';
  readonly #items: readonly unknown[];
  readonly #declared: DeclaredType | undefined;

  constructor(items: readonly unknown[], declared: DeclaredType | undefined) {
    this.#items = items;
    this.#declared = declared;
  }

  get size(): number {
    return this.#items.length;
  }

  get semantics(): ListSemantics | undefined {
    return this.#declared?.semantics;
  }

  at(index: number): CelValue {
    return fromJson(this.#items[index], this.#declared?.element);
  }
}

class JsonMap implements CelMap {
  readonly kind = 'map';
  readonly #entries: JsonRecord;
  readonly #element: DeclaredType | undefined;

  constructor(entries: JsonRecord, element: DeclaredType | undefined) {
    this.#entries = entries;
    this.#element = element;
  }

  get size(): number {
    return keysOf(this.#entries).length;
  }

  get(key: CelKey): CelValue | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#entries, key)) return undefined;
    return fromJson(this.#entries[key], this.#element);
  }

  keys(): Iterable<CelValue> {
    return keysOf(this.#entries);
  }
}

/** Remembered while the JSON lives: an expression may ask for the size of one map very often. */
const keyLists = new WeakMap<object, readonly string[]>();

function keysOf(json: object): readonly string[] {
  const known = keyLists.get(json);
  if (known) return known;
  const keys = Object.keys(json);
  keyLists.set(json, keys);
  return keys;
}

class JsonObject implements CelObject {
  readonly kind = 'object';
  readonly #json: JsonRecord;
  readonly #declared: DeclaredType;

  constructor(json: JsonRecord, declared: DeclaredType) {
    this.#json = json;
    this.#declared = declared;
  }

  get typeName(): string {
    return this.#declared.type.name;
  }

  get(name: string): CelValue | undefined {
    const field = this.#declared.fields?.get(name);
    if (!field || !Object.hasOwn(this.#json, field.property)) return undefined;
    const value = this.#json[field.property];
    return value === undefined ? undefined : fromJson(value, field.declared);
  }

  *fields(): Iterable<string> {
    for (const [name, { property }] of this.#declared.fields ?? []) if (Object.hasOwn(this.#json, property)) yield name;
  }
}

/** A value as JSON, such as the result of an expression that makes an object. Throws for what JSON does not have. */
export function toJson(value: CelValue): unknown {
  switch (typeof value) {
    case 'bigint':
      return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    case 'string':
    case 'number':
    case 'boolean':
      return value;
    default:
      return value === null ? null : compositeToJson(value);
  }
}

function compositeToJson(value: Exclude<CelValue, null | boolean | bigint | number | string>): unknown {
  if (value instanceof Uint8Array) return encodeBase64(value);
  switch (value.kind) {
    case 'uint':
      return toJson(value.value);
    case 'list':
      return Array.from({ length: value.size }, (_, index) => toJson(value.at(index)));
    case 'map':
      return mapToJson(value);
    case 'object':
      return Object.fromEntries([...value.fields()].map((field) => [field, toJson(value.get(field) ?? null)]));
    case 'optional':
      return value.value === undefined ? null : toJson(value.value);
    default:
      throw new EvaluationFailure(`unsupported conversion of '${value.kind}' to JSON`);
  }
}

function mapToJson(map: CelMap): unknown {
  const entries = [...map.keys()].map((key) => {
    if (typeof key !== 'string') throw new EvaluationFailure('only strings can be keys in JSON');
    return [key, toJson(map.get(key) ?? null)] as const;
  });
  return Object.fromEntries(entries);
}

function encodeBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCodePoint(byte)).join(''));
}
