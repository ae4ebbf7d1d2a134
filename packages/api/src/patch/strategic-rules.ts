import type { FieldFact, ItemsFact } from '../facts.ts';
import { definitionOf } from '../scheme.ts';

/** The keys of a strategic merge patch that are no fields. The last two are prefixes of a field's name. */
export const DIRECTIVE = '$patch';
export const RETAIN_KEYS = '$retainKeys';
export const DELETE_FROM = '$deleteFromPrimitiveList/';
export const SET_ORDER = '$setElementOrder/';

/** What a field's fact says of merging. */
export interface FieldRule {
  readonly strategies: readonly string[];
  readonly mergeKey: string | undefined;
  /** Of the object, of the list's items, or of the map's values. */
  readonly definition: string | undefined;
}

export function ruleOf(definition: string | undefined, field: string): FieldRule {
  const fields = definition === undefined ? undefined : definitionOf(definition)?.fields;
  const fact: FieldFact | undefined = fields && Object.hasOwn(fields, field) ? fields[field] : undefined;
  if (!fact) return { strategies: [], mergeKey: undefined, definition: undefined };
  return {
    strategies: fact.patchStrategy?.split(',') ?? [],
    mergeKey: fact.patchMergeKey,
    definition: fact.ref ?? itemDefinition(fact.items),
  };
}

function itemDefinition(items: ItemsFact | undefined): string | undefined {
  return typeof items === 'string' && items.startsWith('#') ? items.slice(1) : undefined;
}
