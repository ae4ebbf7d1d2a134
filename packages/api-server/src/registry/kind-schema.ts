import { definitionOf, type FieldFact } from '@keelson/api';
import { tableSchema as ownershipOf, type ValueSchema } from '@keelson/api/structured-merge';
import { SchemaDecoder } from '../decode/schema-decoder.ts';
import type { Schema, SchemaReferences } from '../openapi/schemas.ts';

/** A body that has been brought into the shape of its kind. */
export interface Decoded {
  /** Private to the caller. */
  readonly object: Record<string, unknown>;
  /** Go-style paths of the fields that were left out because the schema has none of that name. */
  readonly unknown: readonly string[];
}

/**
 * What objects of a kind look like. For built-in kinds the tables say it, for custom ones the schema of their definition; everything that
 * needs to know asks here, so that both go one way.
 */
export interface KindSchema {
  /** Name of the kind's definition: `core.v1.Pod`, `com.example.v1.Widget`. No two kinds have the same. */
  readonly name: string;
  /**
   * Builds a new object out of a parsed body, which stays as it is. Throws `BadRequest` for what can be no object of the kind. If the body was
   * made of an object of the kind, `known`, what it shares with that need not be checked.
   */
  decode(body: unknown, known?: unknown): Decoded;
  /** What a field counts as while it is absent: `''`, `0` or `false`. */
  zeroAt(path: readonly string[]): '' | 0 | false;
  /** Name of the definition in the tables that has the merge keys; without one the kind takes no strategic merge patches. */
  readonly mergeKeys: string | undefined;
  /** How the fields are divided among their managers: what server-side apply goes by. Always the same object. */
  readonly ownership: ValueSchema;
  /** For kinds that are not in the tables: their schema in OpenAPI documents, made when it is asked for. */
  readonly openApi?: ((references: SchemaReferences) => Schema) | undefined;
  /** For kinds that are not in the tables: changes with what `openApi` gives, and costs less. */
  readonly fingerprint?: string;
}

const known = new Map<string, KindSchema>();

/** The schema of a definition in the tables. */
export function tableSchema(definition: string): KindSchema {
  const made = known.get(definition) ?? new TableSchema(definition);
  known.set(definition, made);
  return made;
}

class TableSchema implements KindSchema {
  readonly name: string;

  constructor(definition: string) {
    this.name = definition;
  }

  get mergeKeys(): string {
    return this.name;
  }

  get ownership(): ValueSchema {
    return ownershipOf(this.name);
  }

  decode(body: unknown, known?: unknown): Decoded {
    const decoder = new SchemaDecoder();
    return { object: decoder.decode(this.name, body, known), unknown: decoder.unknown };
  }

  zeroAt(path: readonly string[]): '' | 0 | false {
    const type = this.#fieldAt(path)?.type;
    if (type === 'boolean') return false;
    return type === 'integer' || type === 'number' ? 0 : '';
  }

  #fieldAt(path: readonly string[]): FieldFact | undefined {
    let name: string | undefined = this.name;
    let field: FieldFact | undefined;
    for (const step of path) {
      field = name === undefined ? undefined : definitionOf(name)?.fields?.[step];
      name = field?.ref;
    }
    return field;
  }
}
