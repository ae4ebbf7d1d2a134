import { stringifyJson } from '@keelson/api';
import { createHash } from 'node:crypto';
import type { ValueSchema } from '@keelson/api/structured-merge';
import type { Schema, SchemaReferences } from '../openapi/schemas.ts';
import type { Decoded, KindSchema } from '../registry/kind-schema.ts';
import { Pruner } from '../structural/prune.ts';
import type { RuleJudge, SchemaRules } from '../structural/rules.ts';
import { isRecord, type StructuralSchema } from '../structural/structural-schema.ts';
import { openApiOf, type PublishedKind } from './custom-open-api.ts';
import { ownershipOf } from './ownership.ts';

/** Where a schema comes from. */
export interface SchemaSource {
  /** Reads it out of the definition that the server holds anyway; costs a parse, and what it gives may be let go of. */
  load(): StructuralSchema;
  readonly rules: SchemaRules;
}

/**
 * What objects of one version of a custom kind look like. Nothing is read, compiled or kept until an object of it is: hundreds of kinds
 * that nobody uses cost little more than their names.
 */
export class CustomSchema implements KindSchema {
  readonly name: string;
  readonly mergeKeys = undefined;
  readonly #kind: PublishedKind;
  readonly #source: SchemaSource;
  #root: StructuralSchema | undefined;
  #ownership: ValueSchema | undefined;
  #judge: RuleJudge | 'none' | undefined;
  #fingerprint: string | undefined;

  constructor(kind: PublishedKind, source: SchemaSource) {
    this.name = `${kind.group.split('.').toReversed().join('.')}.${kind.version}.${kind.kind}`;
    this.#kind = kind;
    this.#source = source;
  }

  get root(): StructuralSchema {
    return (this.#root ??= this.#source.load());
  }

  get ownership(): ValueSchema {
    return (this.#ownership ??= ownershipOf(this.root));
  }

  /** Loads what `judge` needs. */
  async loadRules(): Promise<void> {
    if (this.#judge === undefined) await this.#source.rules.load?.(this.root);
  }

  /** Of the rules in the schema; `undefined` if it has none. */
  get judge(): RuleJudge | undefined {
    this.#judge ??= this.#source.rules.compile(this.root) ?? 'none';
    return this.#judge === 'none' ? undefined : this.#judge;
  }

  get fingerprint(): string {
    const load = (): StructuralSchema => this.#root ?? this.#source.load();
    this.#fingerprint ??= createHash('sha256')
      .update(stringifyJson([this.#kind, load()]))
      .digest('base64');
    return this.#fingerprint;
  }

  decode(body: unknown): Decoded {
    const pruner = new Pruner();
    const object = pruner.object(this.root, isRecord(body) ? body : {});
    return { object, unknown: pruner.unknown.toSorted() };
  }

  /** Absent fields of custom objects are never written as zero. */
  zeroAt(): '' {
    return '';
  }

  /** Documents keep what they need: for them alone the schema is not. */
  readonly openApi = (references: SchemaReferences): Schema =>
    openApiOf(this.#root ?? this.#source.load(), this.#kind, references);
}
