import { KeelsonError } from '@keelson/base';
import { deepEqual } from '../objects.ts';
import { getOwn, isObject, setOwn, type JsonObject } from './json-value.ts';
import { DELETE_FROM, DIRECTIVE, RETAIN_KEYS, ruleOf, SET_ORDER, type FieldRule } from './strategic-rules.ts';

/**
 * A strategic merge patch: as a JSON merge patch, but lists whose fields are marked so in the API are merged by key. `definition` is the
 * short name of the document's type, such as `core.v1.Pod`. Knows `$patch` (delete, replace, merge), `$retainKeys`,
 * `$deleteFromPrimitiveList/…` and `$setElementOrder/…`. Leaves its arguments as they are. `BadRequest` for directives that make no sense.
 *
 * See kubernetes/community: contributors/devel/sig-api-machinery/strategic-merge-patch.md.
 */
export function applyStrategicMergePatch(document: unknown, patch: unknown, definition: string): unknown {
  if (!isObject(patch)) throw new KeelsonError('BadRequest', 'error decoding patch: a strategic merge patch is an object');
  return mergeObjects(isObject(document) ? document : {}, patch, definition);
}

function isDirective(key: string): boolean {
  return key === DIRECTIVE || key === RETAIN_KEYS || key.startsWith(DELETE_FROM) || key.startsWith(SET_ORDER);
}

function mergeObjects(original: JsonObject, patch: JsonObject, definition: string | undefined): JsonObject {
  const directive = patch[DIRECTIVE];
  if (directive === 'replace') return withoutDirectives(patch, definition);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge')
    throw new KeelsonError('BadRequest', `unknown patch type: ${String(directive)}`);
  const result = retained(original, patch);
  for (const [key, value] of Object.entries(patch)) {
    if (isDirective(key)) continue;
    if (value === null) delete result[key];
    else setOwn(result, key, mergeField(getOwn(result, key), value, patch, { key, rule: ruleOf(definition, key) }));
  }
  applyListDirectives(result, patch, definition);
  return result;
}

function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return { ...original };
  if (!Array.isArray(keys)) throw new KeelsonError('BadRequest', 'retainKeys directive must be a list of keys');
  const foreign = Object.keys(patch).find((key) => !isDirective(key) && patch[key] !== null && !keys.includes(key));
  if (foreign !== undefined)
    throw new KeelsonError('BadRequest', `retainKeys: the patch sets "${foreign}", which is not in the list`);
  return Object.fromEntries(Object.entries(original).filter(([key]) => keys.includes(key)));
}

interface FieldOfPatch {
  readonly key: string;
  readonly rule: FieldRule;
}

function mergeField(original: unknown, value: unknown, patch: JsonObject, { key, rule }: FieldOfPatch): unknown {
  const replaces = rule.strategies.includes('replace');
  if (isObject(value)) {
    if (replaces || !isObject(original)) return mergeObjects({}, value, rule.definition);
    return mergeObjects(original, value, rule.definition);
  }
  if (!Array.isArray(value)) return value;
  if (!rule.strategies.includes('merge')) return value;
  const merged = mergeLists(Array.isArray(original) ? original : [], value, rule);
  const order = patch[SET_ORDER + key];
  return Array.isArray(order)
    ? ordered(merged, order, { live: Array.isArray(original) ? original : [], mergeKey: rule.mergeKey })
    : merged;
}

function mergeLists(original: readonly unknown[], patch: readonly unknown[], rule: FieldRule): unknown[] {
  const { mergeKey } = rule;
  if (mergeKey === undefined) return [...original, ...patch.filter((item) => !original.some((other) => deepEqual(item, other)))];
  const items = patch.map((item) => objectWithKey(item, mergeKey));
  if (items.some((item) => item[DIRECTIVE] === 'replace')) {
    return items.filter((item) => item[DIRECTIVE] === undefined).map((item) => withoutDirectives(item, rule.definition));
  }
  let result: unknown[] = [...original];
  for (const item of items) {
    const isSame = (other: unknown): boolean => isObject(other) && deepEqual(getOwn(other, mergeKey), item[mergeKey]);
    const at = result.findIndex(isSame);
    const found = at < 0 ? undefined : result[at];
    if (item[DIRECTIVE] === 'delete') result = result.filter((other) => !isSame(other));
    else if (isObject(found)) result[at] = mergeObjects(found, item, rule.definition);
    else result.push(mergeObjects({}, item, rule.definition));
  }
  return result;
}

function objectWithKey(item: unknown, mergeKey: string): JsonObject {
  if (!isObject(item)) throw new KeelsonError('BadRequest', `a list that is merged by "${mergeKey}" holds objects only`);
  if (item[DIRECTIVE] === 'replace' && !Object.hasOwn(item, mergeKey)) return item;
  if (!Object.hasOwn(item, mergeKey))
    throw new KeelsonError('BadRequest', `map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
  return item;
}

/** What a new object becomes: directives in it have nothing to act on. */
function withoutDirectives(patch: JsonObject, definition: string | undefined): JsonObject {
  return mergeObjects({}, Object.fromEntries(Object.entries(patch).filter(([key]) => key !== DIRECTIVE)), definition);
}

/** `$deleteFromPrimitiveList`, and `$setElementOrder` for lists that the patch does not change otherwise. */
function applyListDirectives(result: JsonObject, patch: JsonObject, definition: string | undefined): void {
  for (const [key, value] of Object.entries(patch)) {
    if (!Array.isArray(value)) continue;
    if (key.startsWith(DELETE_FROM)) {
      const list = getOwn(result, key.slice(DELETE_FROM.length));
      if (Array.isArray(list))
        setOwn(
          result,
          key.slice(DELETE_FROM.length),
          list.filter((item) => !value.some((gone) => deepEqual(gone, item))),
        );
    } else if (key.startsWith(SET_ORDER) && !Object.hasOwn(patch, key.slice(SET_ORDER.length))) {
      const field = key.slice(SET_ORDER.length);
      const list = getOwn(result, field);
      if (Array.isArray(list))
        setOwn(result, field, ordered(list, value, { live: list, mergeKey: ruleOf(definition, field).mergeKey }));
    }
  }
}

/**
 * Puts the items that `order` names in that order. Those it does not name are on the server only: each goes before the first named item
 * that came after it in the live list, and they keep their order among themselves.
 *
 * Live `a b c`, order `c a`: named are `c a`; `b` came before `c`, so the result is `b c a`.
 */
function ordered(
  list: readonly unknown[],
  order: readonly unknown[],
  { live, mergeKey }: { live: readonly unknown[]; mergeKey: string | undefined },
): unknown[] {
  const idOf = (item: unknown): unknown => (mergeKey !== undefined && isObject(item) ? item[mergeKey] : item);
  const positionIn = (items: readonly unknown[], item: unknown): number =>
    items.findIndex((other) => deepEqual(idOf(other), idOf(item)));
  const named = list.filter((item) => positionIn(order, item) >= 0).sort((a, b) => positionIn(order, a) - positionIn(order, b));
  let from = 0;
  for (const item of list.filter((other) => positionIn(order, other) < 0)) {
    const place = positionIn(live, item);
    while (from < named.length && positionIn(live, named[from]) <= place) from += 1;
    named.splice(from, 0, item);
    from += 1;
  }
  return named;
}
