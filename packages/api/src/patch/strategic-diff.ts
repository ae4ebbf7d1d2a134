import { deepEqual } from '../objects.ts';
import { getOwn, isObject, setOwn, type JsonObject } from './json-value.ts';
import { DELETE_FROM, DIRECTIVE, RETAIN_KEYS, ruleOf, SET_ORDER, type FieldRule } from './strategic-rules.ts';

/**
 * The strategic merge patch that turns `from` into `to`, of the type with this short name (`apps.v1.Deployment`). Where lists are merged
 * by key, it names the changed items alone, and the order of all. An empty patch means that nothing changed. A field that is `null`
 * counts as absent.
 */
export function createStrategicPatch(from: unknown, to: unknown, definition: string): JsonObject {
  return diffObjects(asObject(from), asObject(to), definition);
}

/** What `kubectl apply` compares. */
export interface ApplyDocuments {
  /** As it was applied last. */
  readonly original: unknown;
  /** As it shall be. */
  readonly modified: unknown;
  /** As it is on the server. */
  readonly current: unknown;
}

/**
 * The strategic merge patch of `kubectl apply`: it deletes what `original` has and `modified` lacks, and sets what `modified` says and
 * `current` does not. What others set on the server stays.
 */
export function threeWayMergePatch({ original, modified, current }: ApplyDocuments, definition: string): JsonObject {
  const [before, wanted, live] = [asObject(original), asObject(modified), asObject(current)];
  return diffObjects(live, withForeign({ before, wanted, live }, definition), definition);
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function diffObjects(from: JsonObject, to: JsonObject, definition: string | undefined): JsonObject {
  const patch: JsonObject = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [getOwn(from, key), getOwn(to, key)];
    if (!isPresent(after)) {
      if (isPresent(before)) setOwn(patch, key, null);
    } else if (!deepEqual(before, after)) diffField(patch, key, { before, after, rule: ruleOf(definition, key) });
  }
  return patch;
}

interface FieldChange {
  readonly before: unknown;
  readonly after: unknown;
  readonly rule: FieldRule;
}

function diffField(patch: JsonObject, key: string, { before, after, rule }: FieldChange): void {
  if (isObject(before) && isObject(after) && !rule.strategies.includes('replace')) {
    const nested = diffObjects(before, after, rule.definition);
    if (rule.strategies.includes('retainKeys')) retain(nested, after);
    if (Object.keys(nested).length > 0) setOwn(patch, key, nested);
  } else if (Array.isArray(before) && Array.isArray(after) && rule.strategies.includes('merge')) {
    diffLists(patch, key, { before, after, rule });
  } else setOwn(patch, key, after);
}

function retain(patch: JsonObject, after: JsonObject): void {
  patch[RETAIN_KEYS] = Object.keys(after)
    .filter((key) => isPresent(after[key]))
    .sort();
}

interface ListChange {
  readonly before: readonly unknown[];
  readonly after: readonly unknown[];
  readonly rule: FieldRule;
}

function diffLists(patch: JsonObject, key: string, { before, after, rule }: ListChange): void {
  const { mergeKey } = rule;
  if (mergeKey === undefined) return diffSets(patch, key, { before, after, rule });
  if (!haveUniqueKeys(before, mergeKey) || !haveUniqueKeys(after, mergeKey)) {
    setOwn(patch, key, [...after, { [DIRECTIVE]: 'replace' }]);
    return;
  }
  const kept = after.map((item) => asObject(item));
  const changed = kept.flatMap((item) => diffItem(before, item, { mergeKey, rule }));
  const gone = before.filter((item) => !kept.some((other) => hasSameKey(item, other, mergeKey)));
  const deletions = gone.map((item) => ({ [mergeKey]: asObject(item)[mergeKey], [DIRECTIVE]: 'delete' }));
  setOwn(
    patch,
    SET_ORDER + key,
    kept.map((item) => ({ [mergeKey]: item[mergeKey] })),
  );
  if (changed.length + deletions.length > 0) setOwn(patch, key, [...changed, ...deletions]);
}

function diffItem(
  before: readonly unknown[],
  item: JsonObject,
  { mergeKey, rule }: { mergeKey: string; rule: FieldRule },
): JsonObject[] {
  const old = before.find((other) => hasSameKey(other, item, mergeKey));
  if (old === undefined) return [item];
  if (deepEqual(old, item)) return [];
  const nested = diffObjects(asObject(old), item, rule.definition);
  if (rule.strategies.includes('retainKeys')) retain(nested, item);
  return [{ ...nested, [mergeKey]: item[mergeKey] }];
}

function hasSameKey(a: unknown, b: unknown, mergeKey: string): boolean {
  return deepEqual(asObject(a)[mergeKey], asObject(b)[mergeKey]);
}

/** Without that a list can't be merged: two ports with one number and two protocols, for example. */
function haveUniqueKeys(items: readonly unknown[], mergeKey: string): boolean {
  const keys = items.map((item) => asObject(item)[mergeKey]);
  return keys.every(isPresent) && new Set(keys).size === keys.length;
}

function diffSets(patch: JsonObject, key: string, { before, after }: ListChange): void {
  const gone = before.filter((item) => !after.includes(item));
  const added = after.filter((item) => !before.includes(item));
  setOwn(patch, SET_ORDER + key, after);
  if (gone.length > 0) setOwn(patch, DELETE_FROM + key, gone);
  if (added.length > 0) setOwn(patch, key, added);
}

interface ThreeWay {
  readonly before: JsonObject;
  readonly wanted: JsonObject;
  readonly live: JsonObject;
}

/** `wanted`, and beside it what is live and was never in `before`. */
function withForeign({ before, wanted, live }: ThreeWay, definition: string | undefined): JsonObject {
  const result: JsonObject = {};
  for (const key of new Set([...Object.keys(live), ...Object.keys(wanted)])) {
    const [old, want, have] = [getOwn(before, key), getOwn(wanted, key), getOwn(live, key)];
    if (isPresent(want)) setOwn(result, key, mergedValue({ old, want, have }, ruleOf(definition, key)));
    else if (!isPresent(old)) setOwn(result, key, have);
  }
  return result;
}

interface Values {
  readonly old: unknown;
  readonly want: unknown;
  readonly have: unknown;
}

function mergedValue({ old, want, have }: Values, rule: FieldRule): unknown {
  if (rule.strategies.includes('replace')) return want;
  if (isObject(want) && isObject(have)) {
    const merged = withForeign({ before: asObject(old), wanted: want, live: have }, rule.definition);
    return rule.strategies.includes('retainKeys') ? onlyKeysOf(merged, want) : merged;
  }
  if (!Array.isArray(want) || !Array.isArray(have) || !rule.strategies.includes('merge')) return want;
  return mergedList({ old: Array.isArray(old) ? old : [], want, have }, rule);
}

function onlyKeysOf(merged: JsonObject, want: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(merged).filter(([key]) => Object.hasOwn(want, key)));
}

interface Lists {
  readonly old: readonly unknown[];
  readonly want: readonly unknown[];
  readonly have: readonly unknown[];
}

/** The wanted items in their order, each with what others added to it; then those that others added. */
function mergedList({ old, want, have }: Lists, rule: FieldRule): unknown[] {
  const { mergeKey } = rule;
  const isSame = (a: unknown, b: unknown): boolean => (mergeKey === undefined ? deepEqual(a, b) : hasSameKey(a, b, mergeKey));
  const find = (items: readonly unknown[], item: unknown): unknown => items.find((other) => isSame(other, item));
  const itemRule = { ...rule, strategies: rule.strategies.filter((strategy) => strategy === 'retainKeys') };
  const merged = want.map((item) => mergedValue({ old: find(old, item), want: item, have: find(have, item) }, itemRule));
  const foreign = have.filter((item) => find(want, item) === undefined && find(old, item) === undefined);
  return [...merged, ...foreign];
}
