import { deepEqual } from '../objects.ts';
import { getOwn, isObject } from './json-value.ts';

/** One operation of a JSON patch (RFC 6902), as `createJsonPatch` makes them. */
export type JsonPatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** A JSON patch that makes `after` of `before`. Lists are compared item by item; where one is inserted in the middle, all behind it are replaced. */
export function createJsonPatch(before: unknown, after: unknown): JsonPatchOperation[] {
  const operations: JsonPatchOperation[] = [];
  compare('', before, after, operations);
  return operations;
}

function compare(path: string, before: unknown, after: unknown, operations: JsonPatchOperation[]): void {
  if (deepEqual(before, after)) return;
  if (isObject(before) && isObject(after)) compareObjects(path, before, after, operations);
  else if (Array.isArray(before) && Array.isArray(after)) compareLists(path, before, after, operations);
  else operations.push({ op: 'replace', path, value: after });
}

type JsonObject = Readonly<Record<string, unknown>>;

function compareObjects(path: string, before: JsonObject, after: JsonObject, operations: JsonPatchOperation[]): void {
  for (const key of Object.keys(before)) {
    if (getOwn(before, key) !== undefined && getOwn(after, key) === undefined)
      operations.push({ op: 'remove', path: at(path, key) });
  }
  for (const [key, value] of Object.entries(after)) {
    if (value === undefined) continue;
    if (getOwn(before, key) === undefined) operations.push({ op: 'add', path: at(path, key), value });
    else compare(at(path, key), getOwn(before, key), value, operations);
  }
}

function compareLists(
  path: string,
  before: readonly unknown[],
  after: readonly unknown[],
  operations: JsonPatchOperation[],
): void {
  const shared = Math.min(before.length, after.length);
  for (let index = 0; index < shared; index += 1) compare(at(path, index), before[index], after[index], operations);
  for (let index = before.length - 1; index >= shared; index -= 1) operations.push({ op: 'remove', path: at(path, index) });
  for (let index = shared; index < after.length; index += 1)
    operations.push({ op: 'add', path: at(path, '-'), value: after[index] });
}

function at(path: string, key: string | number): string {
  return `${path}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
