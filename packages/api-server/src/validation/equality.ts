/**
 * True if two JSON values mean the same to Kubernetes: an absent value, an empty list and an empty map are equal, the order of a map's keys
 * does not count.
 */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) || isEmpty(b)) return isEmpty(a) && isEmpty(b);
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  if (Array.isArray(a)) return Array.isArray(b) && sameList(a, b);
  return !Array.isArray(b) && sameMap(a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return false;
}

function sameList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, position) => sameJson(item, b[position]));
}

function sameMap(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  for (const key in a) {
    if (!sameJson(a[key], b[key])) return false;
  }
  for (const key in b) {
    if (a[key] === undefined && !sameJson(undefined, b[key])) return false;
  }
  return true;
}
