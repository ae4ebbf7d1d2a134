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
 * A JSON patch (RFC 6902). Leaves the document as it is and gives the changed one, which shares with it and with the patch what is not changed.
 * `BadRequest` for what is no patch, `Invalid` for a failed `test`, a path that is not there or an operation that nobody knows, as the API server answers.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const draft = new Draft(document);
  const budget = new CopyBudget();
  for (const operation of checked(patch)) applyOperation(draft, operation, budget);
  return draft.value;
}

/** Hot path: a document that is being changed. Only the containers on the way to a change are copied, each once; none is in two places. */
class Draft {
  value: unknown;
  readonly #own = new Set<unknown>();

  constructor(document: unknown) {
    this.value = document;
  }

  /** The container that the last part of `path` is in, to be changed. */
  parentOf(path: string): { readonly parent: unknown; readonly key: string } {
    const parts = pointer(path);
    const key = parts.pop() ?? '';
    const parentPath = path.slice(0, path.lastIndexOf('/'));
    let parent = (this.value = this.#owned(this.value));
    for (const part of parts) {
      const next = childOf(parent, part, parentPath);
      if (next === undefined) throw missing(parentPath);
      const own = this.#owned(next);
      if (own !== next) setChild(parent, part, own);
      parent = own;
    }
    return { parent, key };
  }

  #owned(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || this.#own.has(value)) return value;
    const copy: unknown = Array.isArray(value) ? value.slice() : { ...value };
    this.#own.add(copy);
    return copy;
  }
}

/** What `copy` operations may add to a document: a few of them that copy each other's copies would fill any memory. */
class CopyBudget {
  #bytes = 0;

  /** Throws `Invalid` once all copies together are too large. */
  copy(value: unknown): unknown {
    this.#bytes += stringifyJson(value).length;
    if (this.#bytes <= MAX_COPIED_BYTES) return cloneJson(value);
    throw rejected(
      `Unable to complete the copy, the accumulated size increase of copy is ${this.#bytes}, exceeding the limit ${MAX_COPIED_BYTES}`,
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
    if (!isObject(operation)) throw new KeelsonError('BadRequest', 'error decoding patch: an operation is an object');
    if (!isOperation(operation)) throw rejected('an operation needs "op" and "path"');
    return operation;
  });
}

function isOperation(value: unknown): value is Operation {
  return isObject(value) && typeof value['op'] === 'string' && typeof value['path'] === 'string';
}

function applyOperation(draft: Draft, operation: Operation, budget: CopyBudget): void {
  const { op, path } = operation;
  switch (op) {
    case 'add':
      return add(draft, path, required(operation));
    case 'remove':
      return remove(draft, path);
    case 'replace':
      if (path !== '') lookUp(draft.value, path);
      return replace(draft, path, required(operation));
    case 'move': {
      const from = fromOf(operation);
      const moved = lookUp(draft.value, from);
      if (path.startsWith(`${from}/`)) throw rejected(`cannot move "${from}" into itself`);
      remove(draft, from);
      return add(draft, path, moved);
    }
    case 'copy':
      return add(draft, path, budget.copy(lookUp(draft.value, fromOf(operation))));
    case 'test':
      if (deepEqual(lookUp(draft.value, path, true) ?? null, operation.value ?? null)) return;
      throw rejected(`testing path "${path}" failed`);
    default:
      throw rejected(`unknown operation "${op}"`);
  }
}

function required(operation: Operation): unknown {
  if (!Object.hasOwn(operation, 'value')) throw rejected(`operation "${operation.op}" needs "value"`);
  return operation.value;
}

function fromOf({ op, from }: Operation): string {
  if (typeof from !== 'string') throw rejected(`operation "${op}" needs "from"`);
  return from;
}

function pointer(path: string): string[] {
  if (path === '') return [];
  if (!path.startsWith('/')) throw rejected(`"${path}" is no JSON pointer`);
  return path
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function missing(path: string): KeelsonError {
  return rejected(`path "${path}" does not exist`);
}

/** It is a patch, and does not fit the document. */
function rejected(why: string): KeelsonError {
  return new KeelsonError('Invalid', `the server rejected our request due to an error in our request: ${why}`);
}

function lookUp(document: unknown, path: string, mayMiss = false): unknown {
  let at = document;
  for (const part of pointer(path)) {
    const next = childOf(at, part, path);
    if (next === undefined && !mayMiss) throw missing(path);
    at = next;
  }
  return at;
}

function childOf(parent: unknown, part: string, path: string): unknown {
  if (Array.isArray(parent)) return parent[indexOf(part, parent.length - 1, path)] as unknown;
  return isObject(parent) ? getOwn(parent, part) : undefined;
}

/** Puts a value in the place of the one that is there. */
function setChild(parent: unknown, part: string, value: unknown): void {
  if (Array.isArray(parent)) parent[indexOf(part, parent.length - 1, part)] = value;
  else if (isObject(parent)) setOwn(parent, part, value);
}

/** A plain index without leading zeros; evanphx's negative ones, which count from the end, are taken as Kubernetes takes them. */
function indexOf(part: string, max: number, path: string): number {
  if (!/^-?(0|[1-9]\d*)$/.test(part)) throw missing(path);
  const index = Number(part) < 0 ? max + 1 + Number(part) : Number(part);
  if (index < 0 || index > max) throw missing(path);
  return index;
}

function add(draft: Draft, path: string, value: unknown): void {
  if (path === '') {
    draft.value = value;
    return;
  }
  const { parent, key } = draft.parentOf(path);
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : indexOf(key, parent.length, path), 0, value);
  else if (isObject(parent)) setOwn(parent, key, value);
  else throw missing(path);
}

/** What is there has been looked up already. */
function replace(draft: Draft, path: string, value: unknown): void {
  if (path === '') {
    draft.value = value;
    return;
  }
  const { parent, key } = draft.parentOf(path);
  setChild(parent, key, value);
}

function remove(draft: Draft, path: string): void {
  if (path === '') {
    draft.value = null;
    return;
  }
  const { parent, key } = draft.parentOf(path);
  if (Array.isArray(parent)) parent.splice(indexOf(key, parent.length - 1, path), 1);
  else if (isObject(parent) && Object.hasOwn(parent, key)) delete parent[key];
  else throw missing(path);
}
