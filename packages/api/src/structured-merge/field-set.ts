import { KeelsonError } from '@keelson/base';
import { isObject } from '../patch/json-value.ts';
import { canonicalElement, type PathElement } from './path-element.ts';

/**
 * A set of paths of fields, in the very form of `FieldsV1`, so that what is stored needs neither decoding nor encoding: a tree whose keys are
 * path elements. A path belongs to the set if its node is empty or holds the key `.`. The root stands for no path; empty, it is the empty set.
 *
 *     {"f:spec":{"f:replicas":{},"f:paused":{}}}                    .spec.replicas, .spec.paused
 *     {"f:metadata":{"f:labels":{".":{},"f:app":{}}}}               .metadata.labels, .metadata.labels.app
 *
 * Sets are never changed, and share what they have in common: they may be frozen. No node is empty below a path that does not belong, and
 * none holds `.` alone. Hot path: all operations cost no more than what they look at, and give back what they were given if nothing changes.
 */
export interface FieldSet {
  readonly [element: PathElement]: FieldSet;
}

/** A set that is being made. */
export interface FieldSetDraft {
  [element: PathElement]: FieldSetDraft;
}

/** The empty set; below the root, a path without anything below it. */
export const EMPTY: FieldSet = Object.freeze({});

export function isEmptySet(set: FieldSet): boolean {
  for (const _element in set) return false;
  return true;
}

function isMember(node: FieldSet): boolean {
  return node['.'] !== undefined || isEmptySet(node);
}

/** True if the path itself is in the set. */
export function hasPath(set: FieldSet, path: readonly PathElement[]): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.[element];
  return node !== undefined && path.length > 0 && isMember(node);
}

/** A set of one path. */
export function setOfPath(path: readonly PathElement[]): FieldSet {
  return path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), EMPTY);
}

/** All paths of both. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  return isEmptySet(a) ? b : mergedNodes(a, b);
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const [aIsLeaf, bIsLeaf] = [isEmptySet(a), isEmptySet(b)];
  if (aIsLeaf && bIsLeaf) return a;
  if (aIsLeaf) return b['.'] === undefined ? { '.': EMPTY, ...b } : b;
  if (bIsLeaf) return a['.'] === undefined ? { '.': EMPTY, ...a } : a;
  return mergedNodes(a, b);
}

function mergedNodes(a: FieldSet, b: FieldSet): FieldSet {
  let result: FieldSetDraft | undefined;
  for (const element in b) {
    const [mine, theirs] = [a[element], b[element] ?? EMPTY];
    const both = mine === undefined ? theirs : unionNodes(mine, theirs);
    if (both === mine) continue;
    result ??= { ...a };
    result[element] = both;
  }
  return result ?? a;
}

/** The paths of `a` that are not in `b`; what is below a path of `b` stays. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  return isEmptySet(a) ? a : withoutNodes(a, b, false);
}

/** The paths of `a` that are neither in `b` nor below a path of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  return isEmptySet(a) ? a : withoutNodes(a, b, true);
}

/** `a` is not empty. */
function withoutNodes(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet {
  let result: FieldSetDraft | undefined;
  for (const element in b) {
    const [mine, theirs] = [a[element], b[element] ?? EMPTY];
    if (mine === undefined) continue;
    const left = element === '.' ? undefined : withoutNode(mine, theirs, recursive);
    if (left === mine) continue;
    result ??= { ...a };
    if (left === undefined) delete result[element];
    else result[element] = left;
  }
  return result ?? a;
}

/** Undefined if nothing is left. */
function withoutNode(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet | undefined {
  const isGone = isMember(b);
  if (isGone && recursive) return undefined;
  if (isEmptySet(a)) return isGone ? undefined : a;
  const left = isEmptySet(b) ? withoutSelf(a) : withoutNodes(a, b, recursive);
  return normal(left);
}

function withoutSelf(a: FieldSet): FieldSet {
  if (a['.'] === undefined) return a;
  const { '.': _self, ...rest } = a;
  return rest;
}

/** A node that was cut: undefined if it is empty now, without `.` if that is all that is left. */
function normal(node: FieldSet): FieldSet | undefined {
  let count = 0;
  for (const _element in node) {
    count += 1;
    if (count > 1) return node;
  }
  if (count === 0) return undefined;
  return node['.'] === undefined ? node : EMPTY;
}

/** The paths that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  return commonNodes(a, b);
}

function commonNodes(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSetDraft = {};
  for (const element in a) {
    const [mine, theirs] = [a[element], b[element]];
    if (mine === undefined || theirs === undefined) continue;
    const both = commonNode(mine, theirs);
    if (both !== undefined) result[element] = both;
  }
  return result;
}

function commonNode(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (a === b) return a;
  if (isEmptySet(a)) return isMember(b) ? EMPTY : undefined;
  if (isEmptySet(b)) return isMember(a) ? EMPTY : undefined;
  return normal(commonNodes(a, b));
}

/** True if every path of `a` is in `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(difference(a, b));
}

/** Every path; those of a level before those that are deeper, each in the order of the tree: the order in which upstream tells conflicts. */
export function* pathsOf(set: FieldSet, above: readonly PathElement[] = []): Generator<readonly PathElement[]> {
  const elements = Object.keys(set).filter((element) => element !== '.');
  for (const element of elements) if (isMember(set[element] ?? EMPTY)) yield [...above, element];
  for (const element of elements) yield* pathsOf(set[element] ?? EMPTY, [...above, element]);
}

/** The set with its keys in order, as it is stored and shown. */
export function sortedSet(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  if (elements.length === 0) return set;
  elements.sort();
  const result: FieldSetDraft = {};
  for (const element of elements) result[element] = sortedSet(set[element] ?? EMPTY);
  return result;
}

/** A set out of a `fieldsV1` that a client wrote. Throws `BadRequest` if it is none. */
export function parseFieldSet(value: unknown): FieldSet {
  return parsedNode(value ?? EMPTY);
}

function parsedNode(value: unknown): FieldSet {
  if (!isObject(value)) throw new KeelsonError('BadRequest', 'error decoding managed fields: fieldsV1 is a tree of objects');
  const result: FieldSetDraft = {};
  for (const [text, below] of Object.entries(value)) {
    const element = text === '.' ? text : canonicalElement(text);
    if (element === undefined) continue;
    const node = element === '.' ? EMPTY : parsedNode(below);
    const known = result[element];
    result[element] = known === undefined ? node : unionNodes(known, node);
  }
  // A path all of whose children are of unknown kinds belongs to the set, as one without children does.
  return normal(result) ?? EMPTY;
}
