import { deepEqual } from '../objects.ts';
import {
  difference,
  EMPTY,
  intersection,
  isEmptySet,
  isSubset,
  recursiveDifference,
  setOfPath,
  union,
  type FieldSet,
} from './field-set.ts';
import {
  Changes,
  conflictsOf,
  ownable,
  ownerId,
  withoutLost,
  type FieldConflict,
  type FieldOwner,
  type FieldOwners,
  type TrackedWrite,
  type VersionedSchemas,
} from './managers.ts';
import { isPooledSet } from './field-set-pool.ts';
import { merge } from './merge.ts';
import type { PathElement } from './path-element.ts';
import { removeFields, withStructFields } from './remove.ts';
import { SchemaMismatch } from './merge-error.ts';
import { checkConfiguration } from './validate.ts';
import { fieldSchema, type ValueSchema } from './value-schema.ts';
import { configurationSet } from './whole-set.ts';

/** What becomes of an object by server-side apply. */
export type ApplyResult =
  | { readonly type: 'applied'; readonly object: unknown; readonly owners: FieldOwners }
  | { readonly type: 'conflict'; readonly conflicts: readonly FieldConflict[] };

export interface ApplyInput {
  /** In the version of the writer; `{}` if there is none yet. */
  readonly live: unknown;
  readonly configuration: unknown;
  /** Takes fields from their owners instead of reporting conflicts. */
  readonly force: boolean;
}

/**
 * Server-side apply. Puts the configuration over the object; takes away what the same manager applied before and does not any more, unless
 * somebody else owns it; makes the manager the owner of exactly what it applied. What it sets to the value that is there already, it
 * shares with its owners. The object is the one that was given if nothing changes. Throws `SchemaMismatch` if the configuration does not fit.
 */
export function applyConfiguration(write: TrackedWrite, { live, configuration, force }: ApplyInput): ApplyResult {
  const { versions, self, now } = write;
  const schema = versions.schemaOf(self.apiVersion);
  if (schema === undefined) throw new SchemaMismatch([{ path: '', message: `no corresponding type for ${self.apiVersion}` }]);
  checkConfiguration(schema, configuration);
  const before = reconciled(write);
  const id = ownerId(self);
  const last = before.get(id);
  const fields = versions.withoutIgnored(configurationSet(schema, configuration), self.apiVersion);
  const mine: FieldOwner = { ...self, time: last?.time, fields };
  const owners = new Map([...before, [id, mine]]);
  const merged = merge(schema, live, configuration);
  const next = prune({ versions, owners, from: self.apiVersion, merged }, last);
  const changes = new Changes(versions, { apiVersion: self.apiVersion, old: live, next });
  const conflicts = conflictsOf(owners, changes, id);
  if (conflicts.length > 0 && !force) return { type: 'conflict', conflicts };
  const isSame = deepEqual(live, next);
  const left = new Map(withoutLost(owners, changes, id));
  const own = ownable(fields);
  if (isEmptySet(own)) left.delete(id);
  else left.set(id, { ...mine, fields: own, time: isSame ? mine.time : now });
  return { type: 'applied', object: isSame ? live : next, owners: left };
}

interface Pruning {
  readonly versions: VersionedSchemas;
  readonly owners: FieldOwners;
  /** The version of what is merged. */
  readonly from: string;
  readonly merged: unknown;
}

/**
 * Takes away what the manager applied last time and nobody owns now. An item or a struct goes with what is in it, but what others own in
 * it, and what nobody ever applied, is put back, and with it what holds it.
 */
function prune(pruning: Pruning, last: FieldOwner | undefined): unknown {
  const { versions, owners, from, merged } = pruning;
  if (last === undefined || isEmptySet(last.fields)) return merged;
  const version = last.apiVersion;
  const schema = versions.schemaOf(version);
  if (schema === undefined || isSubset(last.fields, owners.get(ownerId(last))?.fields ?? EMPTY)) return merged;
  const whole = converted(versions, merged, { from, to: version });
  const lastSet = withStructFields(schema, last.fields);
  const cut = removeFields(schema, whole, lastSet);
  const owned = withOwnedItems(pruning, { whole, cut, version });
  const gone = difference(memberSet(schema, whole), memberSet(schema, owned));
  return converted(versions, removeFields(schema, whole, intersection(gone, lastSet)), { from: version, to: from });
}

function memberSet(schema: ValueSchema, object: unknown): FieldSet {
  return withStructFields(schema, configurationSet(schema, object));
}

interface Cut {
  readonly whole: unknown;
  readonly cut: unknown;
  readonly version: string;
}

/** What was cut off, with what somebody owns back in it; each owner's fields in the version they are told in, that of the cut first. */
function withOwnedItems({ versions, owners }: Pruning, { whole, cut, version }: Cut): unknown {
  const byVersion = new Map<string, FieldSet>([[version, EMPTY]]);
  for (const { apiVersion, fields } of owners.values())
    byVersion.set(apiVersion, union(byVersion.get(apiVersion) ?? EMPTY, fields));
  let result = cut;
  for (const [to, fields] of byVersion) {
    const schema = versions.schemaOf(to);
    if (schema === undefined) continue;
    const wholeThere = converted(versions, whole, { from: version, to });
    const cutThere = converted(versions, result, { from: version, to });
    const kept = union(memberSet(schema, cutThere), withStructFields(schema, fields));
    const back = removeFields(schema, wholeThere, difference(memberSet(schema, wholeThere), kept));
    result = converted(versions, back, { from: to, to: version });
  }
  return result;
}

function converted(versions: VersionedSchemas, object: unknown, { from, to }: { from: string; to: string }): unknown {
  return from === to ? object : versions.convert(object, from, to);
}

/**
 * The owners, after a schema has made atomic what was granular when they came to own it: who owned anything in it owns it as a whole. Those
 * of versions that are not served any more are left out.
 */
function reconciled({ versions, owners }: TrackedWrite): FieldOwners {
  const result = new Map<string, FieldOwner>();
  for (const [id, owner] of owners) {
    const schema = versions.schemaOf(owner.apiVersion);
    if (schema === undefined) continue;
    result.set(id, { ...owner, fields: reconciledSet(schema, owner.fields) });
  }
  return result;
}

/** Hot path: sets that fit a schema are the same ones again and again. */
const fitting = new WeakMap<FieldSet, ValueSchema>();

function reconciledSet(schema: ValueSchema, fields: FieldSet): FieldSet {
  if (fitting.get(fields) === schema) return fields;
  let result = fields;
  for (const path of atomicParents(schema, fields, [])) {
    result = union(recursiveDifference(result, setOfPath(path)), setOfPath(path));
  }
  if (result === fields && isPooledSet(fields)) fitting.set(fields, schema);
  return result;
}

/** Paths that are owned as a whole, below which something is owned nevertheless. */
function atomicParents(schema: ValueSchema, node: FieldSet, path: readonly PathElement[]): PathElement[][] {
  if (schema.type === 'scalar' || schema.type === 'untyped' || isEmptySet(node)) return [];
  const isAtomic = schema.type === 'list' ? schema.listType === 'atomic' : schema.atomic === true;
  if (isAtomic && path.length > 0) return [[...path]];
  const found: PathElement[][] = [];
  for (const element in node) {
    if (element === '.') continue;
    const below = schema.type === 'list' ? schema.items : fieldSchema(schema, element.slice(2));
    found.push(...atomicParents(below, node[element] ?? EMPTY, [...path, element]));
  }
  return found;
}
