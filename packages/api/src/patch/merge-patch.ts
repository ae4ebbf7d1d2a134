import { isObject, setOwn, type JsonObject } from './json-value.ts';

/** A JSON merge patch (RFC 7386): `null` deletes, objects merge, all else replaces. Leaves its arguments as they are. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: JsonObject = isObject(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else setOwn(result, key, applyMergePatch(Object.hasOwn(result, key) ? result[key] : undefined, value));
  }
  return result;
}
