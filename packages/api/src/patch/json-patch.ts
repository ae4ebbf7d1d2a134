import { KeelsonError } from '@keelson/base';
import { cloneJson } from '../clone-json.ts';
import { stringifyJson } from '../json.ts';
import { deepEqual } from '../objects.ts';
import { getOwn, isObject, setOwn } from './json-value.ts';

/** As many operations as Kubernetes takes in one patch. */
const MAX_OPERATIONS = 10_000;
/** As much as a request may have. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly from?: string;
  readonly value?: unknown;
}

/**
 * A JSON patch (RFC 6902). Leaves the document as it is and gives the changed copy. `BadRequest` for what is no patch, `Invalid` for a
 * failed `test` or a path that is not there, as the API server answers.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const operations = checked(patch);
  let result = cloneJson(document);
  const budget = new CopyBudget();
  for (const operation of operations) result = applyOperation(result, operation, budget);
  return result;
}

/** What `copy` operations may add to a document: a few of them that copy each other's copies would fill any memory. */
class CopyBudget {
  #bytes = 0;

  /** Throws `Invalid` once all copies together are too large. */
  copy(value: unknown): unknown {
    this.#bytes += stringifyJson(value).length;
    if (this.#bytes <= MAX_COPIED_BYTES) return cloneJson(value);
    throw new KeelsonError(
      'Invalid',
      'the server rejected our request due to an error in our request: Unable to complete the copy, the accumulated size increase of ' +
        `copy is ${this.#bytes}, exceeding the limit ${MAX_COPIED_BYTES}`,
    );
  }
}

function checked(patch: unknown): readonly Operation[] {
  if (!Array.isArray(patch)) throw new KeelsonError('BadRequest', 'error decoding patch: a JSON patch is a list of operations');
  if (patch.length > MAX_OPERATIONS) {
    const message = `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`;
    throw new KeelsonError('RequestEntityTooLarge', message);
  }
  return patch.map((operation: unknown) => {
    if (!isOperation(operation)) throw new KeelsonError('BadRequest', 'error decoding patch: an operation needs "op" and "path"');
    return operation;
  });
}

function isOperation(value: unknown): value is Operation {
  return isObject(value) && typeof value['op'] === 'string' && typeof value['path'] === 'string';
}

function applyOperation(document: unknown, operation: Operation, budget: CopyBudget): unknown {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      return add(document, path, required(operation));
    case 'remove':
      return remove(document, path);
    case 'replace':
      if (path !== '') lookUp(document, path);
      return replace(document, path, required(operation));
    case 'move': {
      const moved = lookUp(document, fromOf(operation));
      if (path.startsWith(`${fromOf(operation)}/`))
        throw new KeelsonError('BadRequest', `cannot move "${fromOf(operation)}" into itself`);
      return add(remove(document, fromOf(operation)), path, moved);
    }
    case 'copy':
      return add(document, path, budget.copy(lookUp(document, fromOf(operation))));
    case 'test':
      if (deepEqual(lookUp(document, path, true) ?? null, operation.value ?? null)) return document;
      throw new KeelsonError(
        'Invalid',
        `the server rejected our request due to an error in our request: testing path "${path}" failed`,
      );
    default:
      throw new KeelsonError('BadRequest', `error decoding patch: unknown operation "${op}"`);
  }
}

/** A copy: later operations may change what this one puts in place, and the patch is the caller's. */
function required(operation: Operation): unknown {
  if (!Object.hasOwn(operation, 'value'))
    throw new KeelsonError('BadRequest', `error decoding patch: operation "${operation.op}" needs "value"`);
  return cloneJson(operation.value);
}

function fromOf({ op, from }: Operation): string {
  if (typeof from !== 'string') throw new KeelsonError('BadRequest', `error decoding patch: operation "${op}" needs "from"`);
  return from;
}

function pointer(path: string): string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw new KeelsonError('BadRequest', `error decoding patch: "${path}" is no JSON pointer`);
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function missing(path: string): KeelsonError {
  return new KeelsonError(
    'Invalid',
    `the server rejected our request due to an error in our request: path "${path}" does not exist`,
  );
}

function lookUp(document: unknown, path: string, mayMiss = false): unknown {
  let at = document;
  for (const part of pointer(path)) {
    const next = Array.isArray(at)
      ? (at[indexOf(part, at.length - 1, path)] as unknown)
      : isObject(at)
        ? getOwn(at, part)
        : undefined;
    if (next === undefined && !mayMiss) throw missing(path);
    at = next;
  }
  return at;
}

/** A plain index without leading zeros; evanphx's negative ones, which count from the end, are taken as Kubernetes takes them. */
function indexOf(part: string, max: number, path: string): number {
  if (!/^-?(0|[1-9]\d*)$/.test(part)) throw missing(path);
  const index = Number(part) < 0 ? max + 1 + Number(part) : Number(part);
  if (index < 0 || index > max) throw missing(path);
  return index;
}

/** The container that the last part of `path` is in. */
function parentOf(document: unknown, path: string): { readonly parent: unknown; readonly key: string } {
  const parts = pointer(path);
  const key = parts.pop() ?? '';
  const parentPath = path.slice(0, path.lastIndexOf('/'));
  return { parent: parts.length === 0 ? document : lookUp(document, parentPath), key };
}

function add(document: unknown, path: string, value: unknown): unknown {
  if (path === '') return value;
  const { parent, key } = parentOf(document, path);
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : indexOf(key, parent.length, path), 0, value);
  else if (isObject(parent)) setOwn(parent, key, value);
  else throw missing(path);
  return document;
}

function replace(document: unknown, path: string, value: unknown): unknown {
  if (path === '') return value;
  const { parent, key } = parentOf(document, path);
  if (Array.isArray(parent)) parent[indexOf(key, parent.length - 1, path)] = value;
  else if (isObject(parent)) setOwn(parent, key, value);
  return document;
}

function remove(document: unknown, path: string): unknown {
  if (path === '') return null;
  const { parent, key } = parentOf(document, path);
  if (Array.isArray(parent)) parent.splice(indexOf(key, parent.length - 1, path), 1);
  else if (isObject(parent) && Object.hasOwn(parent, key)) delete parent[key];
  else throw missing(path);
  return document;
}
