import { badRequest, cloneJson } from '@keelson/api';
import { isReason } from '@keelson/base';
import { pathText } from '../decode/path-text.ts';
import { SchemaDecoder } from '../decode/schema-decoder.ts';
import {
  fieldOf,
  isEmbedded,
  isRecord,
  itemsOf,
  keepsUnknown,
  META_FIELDS,
  NOTHING_KNOWN,
  setField,
  type StructuralSchema,
} from './structural-schema.ts';

const METADATA = 'meta.v1.ObjectMeta';

export interface PruneOptions {
  /** Metadata that makes no sense is left out instead of refused: what is stored was let in once. */
  readonly lenient?: boolean;
}

/**
 * Hot path: a copy of an object without the fields that its schema does not know. `apiVersion`, `kind` and `metadata` are known of each
 * object, and of each embedded one; unknown fields in metadata are left out too. Throws `BadRequest` if they are of the wrong type.
 */
export class Pruner {
  /** Paths of what was left out, in order of the text. */
  readonly unknown: string[] = [];
  readonly #lenient: boolean;
  readonly #path: (string | number)[] = [];

  constructor({ lenient = false }: PruneOptions = {}) {
    this.#lenient = lenient;
  }

  /** A whole object. */
  object(schema: StructuralSchema, source: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return this.#record({ schema, source, embedded: true, keeps: keepsUnknown(schema) });
  }

  /** A value within an object. */
  value(schema: StructuralSchema, value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const keeps = keepsUnknown(schema);
    if (Array.isArray(value)) return this.#list(schema, value, keeps);
    // Checked to be an object.
    return this.#record({ schema, source: value as Record<string, unknown>, embedded: isEmbedded(schema), keeps });
  }

  #record({ schema, source, embedded, keeps }: Level): Record<string, unknown> {
    const target: Record<string, unknown> = {};
    for (const key of Object.keys(source)) {
      const value = source[key];
      this.#path.push(key);
      if (embedded && META_FIELDS.has(key)) this.#metaField(target, key, value);
      else this.#field(target, key, { value, schema: fieldOf(schema, key), keeps });
      this.#path.pop();
    }
    return target;
  }

  #field(
    target: Record<string, unknown>,
    key: string,
    { value, schema, keeps }: { value: unknown; schema: StructuralSchema | undefined; keeps: boolean },
  ): void {
    if (schema) setField(target, key, this.value(schema, value));
    else if (keeps) setField(target, key, cloneJson(value));
    else this.unknown.push(pathText(this.#path));
  }

  #list(schema: StructuralSchema, source: readonly unknown[], keeps: boolean): unknown[] {
    const items = itemsOf(schema);
    if (!items && keeps) return cloneJson([...source]);
    const target: unknown[] = [];
    for (let index = 0; index < source.length; index += 1) {
      this.#path.push(index);
      target.push(this.#item(items ?? NOTHING_KNOWN, source[index], keeps));
      this.#path.pop();
    }
    return target;
  }

  /** Items of a list that keeps what it does not know do so too. */
  #item(schema: StructuralSchema, value: unknown, keeps: boolean): unknown {
    if (!keeps || keepsUnknown(schema) || typeof value !== 'object' || value === null) return this.value(schema, value);
    if (Array.isArray(value)) return this.#list(schema, value, true);
    return this.#record({ schema, source: value as Record<string, unknown>, embedded: isEmbedded(schema), keeps: true });
  }

  #metaField(target: Record<string, unknown>, key: string, value: unknown): void {
    if (key === 'metadata') this.#metadata(target, value);
    else if (typeof value === 'string') target[key] = value;
    else if (!this.#lenient)
      throw badRequest(`${pathText(this.#path)}: Invalid value: ${JSON.stringify(value)}: must be a string`);
  }

  #metadata(target: Record<string, unknown>, value: unknown): void {
    if (value === undefined || value === null) return;
    const decoder = new SchemaDecoder();
    try {
      target.metadata = decoder.decode(METADATA, value);
    } catch (error) {
      if (!this.#lenient || !isReason(error, 'BadRequest')) throw error;
      target.metadata = this.#sensibleParts(value);
    }
    const at = pathText(this.#path);
    for (const path of decoder.unknown) this.unknown.push(`${at}.${path}`);
  }

  #sensibleParts(value: unknown): Record<string, unknown> {
    const kept: Record<string, unknown> = {};
    if (!isRecord(value)) return kept;
    for (const [key, part] of Object.entries(value)) {
      try {
        Object.assign(kept, new SchemaDecoder().decode(METADATA, { [key]: part }));
      } catch (error) {
        if (!isReason(error, 'BadRequest')) throw error;
      }
    }
    return kept;
  }
}

interface Level {
  readonly schema: StructuralSchema;
  readonly source: Readonly<Record<string, unknown>>;
  readonly embedded: boolean;
  readonly keeps: boolean;
}
