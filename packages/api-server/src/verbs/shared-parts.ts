import type { KubernetesObject } from '@keelson/api';

/**
 * Hot path: puts parts of `old`, which are frozen, in the place of equal parts of `object`. Most changes leave most of an object as it was: from
 * then on such parts are known to be equal at a glance, and are in memory once. Metadata, which each write changes, is left as it is.
 */
export function shareParts(object: KubernetesObject, old: Readonly<KubernetesObject>): void {
  const [target, before] = [object as Record<string, unknown>, old as Readonly<Record<string, unknown>>];
  for (const key in target) {
    if (key !== 'metadata' && key !== '__proto__' && Object.hasOwn(before, key)) target[key] = shared(target[key], before[key]);
  }
}

/** The old value if it is equal; else the new one, with what is equal in it replaced. */
function shared(value: unknown, old: unknown): unknown {
  if (value === old || typeof value !== 'object' || typeof old !== 'object' || value === null || old === null) return value;
  if (Array.isArray(value)) return Array.isArray(old) ? sharedItems(value, old) : value;
  return Array.isArray(old) ? value : sharedFields(value as Record<string, unknown>, old as Record<string, unknown>);
}

function sharedItems(items: unknown[], old: readonly unknown[]): readonly unknown[] {
  let isEqual = items.length === old.length;
  for (let at = 0; at < items.length && at < old.length; at += 1) {
    const item = shared(items[at], old[at]);
    if (item !== items[at] && !Object.isFrozen(items)) items[at] = item;
    isEqual &&= item === old[at];
  }
  return isEqual ? old : items;
}

function sharedFields(
  fields: Record<string, unknown>,
  old: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let isEqual = true;
  let count = 0;
  for (const key in fields) {
    const value = fields[key];
    // A key without a value is no key.
    if (value === undefined) continue;
    count += 1;
    const before = Object.hasOwn(old, key) ? old[key] : undefined;
    const field = shared(value, before);
    if (field !== value && key !== '__proto__' && !Object.isFrozen(fields)) fields[key] = field;
    isEqual &&= field === before;
  }
  if (!isEqual) return fields;
  for (const key in old) if (old[key] !== undefined) count -= 1;
  return count === 0 ? old : fields;
}
