import { deepEqual } from '../objects.ts';
import { type JsonObject } from '../patch/json-value.ts';
import { EMPTY, type FieldSet, type FieldSetDraft } from './field-set.ts';
import { itemElement, type PathElement } from './path-element.ts';
import { fieldSchema, schemaFor, type ListSchema, type MapSchema, type ValueSchema } from './value-schema.ts';
import { addedNode, wholeNode } from './whole-set.ts';
import { isLeaf } from './leaf.ts';

/** What differs between an object and what it becomes. */
export interface Comparison {
  readonly added: FieldSet;
  /** In both, with another value. */
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** The comparison of equal objects. */
export const NO_CHANGES: Comparison = Object.freeze({ added: EMPTY, modified: EMPTY, removed: EMPTY });

type Changes = { readonly [K in keyof Comparison]?: FieldSet };
type Drafts = { -readonly [K in keyof Comparison]?: FieldSetDraft };

const ADDED: Changes = { added: EMPTY };
const MODIFIED: Changes = { modified: EMPTY };
const REMOVED: Changes = { removed: EMPTY };

/**
 * Hot path: what changes if `old` becomes `next`. Nothing is allocated for what is equal. Throws `SchemaMismatch` if one of them does not
 * fit the schema.
 */
export function compare(schema: ValueSchema, old: unknown, next: unknown): Comparison {
  const changes = compareValues(schema, old, next);
  return changes === undefined ? NO_CHANGES : { ...NO_CHANGES, ...changes };
}

/** Undefined if they are equal. */
function compareValues(schema: ValueSchema, old: unknown, next: unknown): Changes | undefined {
  if (old === next) return undefined;
  if (old === undefined) return { added: wholeNode(schema, next) };
  if (next === undefined) return { removed: wholeNode(schema, old) };
  const [before, after] = [schemaFor(schema, old), schemaFor(schema, next)];
  if (before !== after) return compareTypes(schema, old, next);
  const oldIsLeaf = isLeaf(before, old);
  // An empty value and one that is not are compared item by item; two empty ones, and what is atomic, as they are.
  if (isLeaf(after, next) && oldIsLeaf) return deepEqual(old, next) ? undefined : MODIFIED;
  if (after.type === 'map') return compareFields(after, old as JsonObject, next as JsonObject);
  if (after.type === 'list') return compareItems(after, (old ?? []) as readonly unknown[], (next ?? []) as readonly unknown[]);
  return deepEqual(old, next) ? undefined : MODIFIED;
}

/** An untyped value that becomes one of another type: what was in the old one goes, what is in the new one comes. */
function compareTypes(schema: ValueSchema, old: unknown, next: unknown): Changes {
  const [gone, come] = [wholeNode(schema, old), wholeNode(schema, next)];
  const { '.': _old, ...removed } = gone;
  const { '.': _new, ...added } = come;
  return {
    modified: EMPTY,
    ...(Object.keys(removed).length > 0 && { removed }),
    ...(Object.keys(added).length > 0 && { added }),
  };
}

function compareFields(schema: MapSchema, old: JsonObject | null, next: JsonObject | null): Changes | undefined {
  let drafts: Drafts | undefined;
  const before = old ?? {};
  for (const key in next) {
    if (next[key] === undefined) continue;
    const was = Object.hasOwn(before, key) ? before[key] : undefined;
    if (was === next[key]) continue;
    const child = fieldSchema(schema, key);
    const changes = was === undefined ? addition(schema, key, next[key]) : compareValues(child, was, next[key]);
    if (changes) drafts = collect(drafts, `f:${key}`, changes);
  }
  for (const key in before) {
    if (before[key] === undefined || (next !== null && Object.hasOwn(next, key) && next[key] !== undefined)) continue;
    const removed = addedNode(schema, key, before[key]);
    if (removed) drafts = collect(drafts, `f:${key}`, { removed });
  }
  return drafts;
}

function addition(schema: MapSchema, key: string, value: unknown): Changes | undefined {
  const added = addedNode(schema, key, value);
  return added && { added };
}

function collect(drafts: Drafts = {}, element: PathElement, { added, modified, removed }: Changes): Drafts {
  if (added) (drafts.added ??= {})[element] = added;
  if (modified) (drafts.modified ??= {})[element] = modified;
  if (removed) (drafts.removed ??= {})[element] = removed;
  return drafts;
}

function compareItems(schema: ListSchema, old: readonly unknown[], next: readonly unknown[]): Changes | undefined {
  // Most lists are as they were: this is cheaper than telling their items apart.
  if (deepEqual(old, next)) return undefined;
  const [before, after] = [byElement(schema, old), byElement(schema, next)];
  let drafts: Drafts | undefined;
  for (const [element, items] of after) {
    const changes = compareSameItems(schema, before.get(element) ?? NONE, items);
    if (changes) drafts = collect(drafts, element, changes);
  }
  for (const [element, items] of before) {
    if (after.has(element)) continue;
    const changes = compareSameItems(schema, items, NONE);
    if (changes) drafts = collect(drafts, element, changes);
  }
  return drafts;
}

const NONE: readonly unknown[] = [];

/** Items that are there more than once are owned as one thing. */
function compareSameItems(schema: ListSchema, old: readonly unknown[], next: readonly unknown[]): Changes | undefined {
  if (old.length <= 1 && next.length <= 1) return compareValues(schema.items, old[0], next[0]);
  if (old.length >= 2 && next.length >= 2) return deepEqual(old, next) ? undefined : MODIFIED;
  if (old.length >= 2) return { ...(next.length > 0 && { added: wholeNode(schema.items, next[0]) }), ...REMOVED };
  return { ...(old.length > 0 && { removed: wholeNode(schema.items, old[0]) }), ...ADDED };
}

function byElement(schema: ListSchema, items: readonly unknown[]): Map<PathElement, unknown[]> {
  const found = new Map<PathElement, unknown[]>();
  for (const item of items) {
    const element = itemElement(schema, item);
    const same = found.get(element);
    if (same) same.push(item);
    else found.set(element, [item]);
  }
  return found;
}
