import { difference, EMPTY, intersection, isEmptySet, pathsOf, sortedSet, union, type FieldSet } from './field-set.ts';
import { compare, type Comparison } from './compare.ts';
import { isEmptyObject } from './leaf.ts';
import { isObject, setOwn, type JsonObject } from '../patch/json-value.ts';
import type { PathElement } from './path-element.ts';
import { createdSet } from './whole-set.ts';
import type { ValueSchema } from './value-schema.ts';

/** Who manages which fields: an entry of `metadata.managedFields`, decoded. */
export interface FieldOwner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  /** The version in which `fields` are to be read. */
  readonly apiVersion: string;
  /** Empty for the main resource. */
  readonly subresource: string;
  /** When the owner last changed any of its fields. */
  readonly time?: string | undefined;
  readonly fields: FieldSet;
}

/** By `ownerId`. */
export type FieldOwners = ReadonlyMap<string, FieldOwner>;

/** What makes an owner the same: for `Update`, the version belongs to it. */
export function ownerId({ manager, operation, apiVersion, subresource }: Omit<FieldOwner, 'fields'>): string {
  return JSON.stringify([operation, manager, operation === 'Apply' ? '' : apiVersion, subresource]);
}

/** The versions in which a kind has ever been managed. */
export interface VersionedSchemas {
  /** Undefined for a version that is not served any more: what is managed in it is forgotten. */
  schemaOf(apiVersion: string): ValueSchema | undefined;
  /** The object in another version that is served. */
  convert(object: unknown, from: string, to: string): unknown;
  /** Takes out of a set, or of a change, what the request can't change. */
  withoutIgnored(fields: FieldSet, apiVersion: string): FieldSet;
}

/** A write that is to be tracked, as far as all kinds of them have it in common. */
export interface TrackedWrite {
  readonly versions: VersionedSchemas;
  readonly owners: FieldOwners;
  /** Who writes, and in which version the objects are. */
  readonly self: Omit<FieldOwner, 'fields' | 'time'>;
  /** For what changes with this write. */
  readonly now: string;
}

/** What every object has and nobody owns. */
const NEVER_OWNED: FieldSet = {
  'f:apiVersion': EMPTY,
  'f:kind': EMPTY,
  'f:metadata': {
    '.': EMPTY,
    'f:name': EMPTY,
    'f:namespace': EMPTY,
    'f:creationTimestamp': EMPTY,
    'f:selfLink': EMPTY,
    'f:uid': EMPTY,
    'f:clusterName': EMPTY,
    'f:generation': EMPTY,
    'f:managedFields': EMPTY,
    'f:resourceVersion': EMPTY,
  },
};

const NEVER_OWNED_METADATA = new Set(Object.keys(NEVER_OWNED['f:metadata'] ?? {}).map((element) => element.slice(2)));

/** An object without those fields: what need not be found need not be taken out again. */
function withoutNeverOwned(object: unknown): unknown {
  if (!isObject(object)) return object;
  const { apiVersion: _apiVersion, kind: _kind, metadata, ...rest } = object;
  if (!isObject(metadata)) return rest;
  const kept: JsonObject = {};
  for (const key in metadata) if (!NEVER_OWNED_METADATA.has(key)) setOwn(kept, key, metadata[key]);
  return isEmptyObject(kept) ? rest : { metadata: kept, ...rest };
}

/** A set without the fields that nobody owns. */
export function ownable(fields: FieldSet): FieldSet {
  return difference(fields, NEVER_OWNED);
}

/**
 * Hot path: the owners after a create (`old` is undefined), update or patch. Whoever else had what is changed or removed loses it; the
 * writer gets what it changed and added. The same map if nothing changes. Throws `SchemaMismatch`.
 */
export function ownersAfterUpdate(write: TrackedWrite, old: unknown, next: unknown): FieldOwners {
  const { versions, self, owners } = write;
  const schema = versions.schemaOf(self.apiVersion);
  if (schema === undefined) return owners;
  if (old === undefined) {
    const created = createdSet(schema, withoutNeverOwned(next));
    return withOwn(owners, write, ownable(versions.withoutIgnored(created, self.apiVersion)));
  }
  const changes = new Changes(versions, { apiVersion: self.apiVersion, old, next });
  const { added, modified, removed } = changes.in(self.apiVersion) ?? NOTHING;
  if (isEmptySet(added) && isEmptySet(modified) && isEmptySet(removed)) return owners;
  const id = ownerId(self);
  const left = withRemaining(withoutLost(owners, changes, id), id, removed);
  return withOwn(left, write, ownable(union(modified, added)));
}

const NOTHING: Comparison = { added: EMPTY, modified: EMPTY, removed: EMPTY };

/** One owner without what is removed: what it only changes, it keeps. */
function withRemaining(owners: FieldOwners, id: string, removed: FieldSet): FieldOwners {
  const owner = owners.get(id);
  const fields = owner && difference(owner.fields, removed);
  if (!fields || fields === owner.fields) return owners;
  const result = new Map(owners);
  if (isEmptySet(fields)) result.delete(id);
  else result.set(id, { ...owner, fields });
  return result;
}

function withOwn(owners: FieldOwners, { self, now }: Pick<TrackedWrite, 'self' | 'now'>, own: FieldSet): FieldOwners {
  if (isEmptySet(own)) return owners;
  const id = ownerId(self);
  const before = owners.get(id);
  return new Map(owners).set(id, { ...self, time: now, fields: union(before?.fields ?? EMPTY, own) });
}

/** What a write changes, in each version that somebody manages the object in; each compared once. */
export class Changes {
  readonly #versions: VersionedSchemas;
  readonly #write: { readonly apiVersion: string; readonly old: unknown; readonly next: unknown };
  readonly #known = new Map<string, Comparison | undefined>();

  constructor(versions: VersionedSchemas, write: { apiVersion: string; old: unknown; next: unknown }) {
    this.#versions = versions;
    this.#write = write;
  }

  /** Undefined if the version is not served any more. */
  in(apiVersion: string): Comparison | undefined {
    if (!this.#known.has(apiVersion)) this.#known.set(apiVersion, this.#compare(apiVersion));
    return this.#known.get(apiVersion);
  }

  #compare(to: string): Comparison | undefined {
    const { apiVersion: from, old, next } = this.#write;
    const schema = this.#versions.schemaOf(to);
    if (schema === undefined) return undefined;
    const inVersion = (object: unknown): unknown => (from === to ? object : this.#versions.convert(object, from, to));
    const { added, modified, removed } = compare(schema, inVersion(old), inVersion(next));
    const filter = (fields: FieldSet): FieldSet => (isEmptySet(fields) ? fields : this.#versions.withoutIgnored(fields, to));
    return { added: filter(added), modified: filter(modified), removed: filter(removed) };
  }
}

/** The owners without what a write took from them. `except` keeps what it has. The same map if nobody loses anything. */
export function withoutLost(owners: FieldOwners, changes: Changes, except?: string): FieldOwners {
  let result: Map<string, FieldOwner> | undefined;
  for (const [id, owner] of owners) {
    if (id === except) continue;
    const comparison = changes.in(owner.apiVersion);
    const left = comparison === undefined ? EMPTY : remaining(owner.fields, comparison);
    if (left === owner.fields) continue;
    result ??= new Map(owners);
    if (isEmptySet(left)) result.delete(id);
    else result.set(id, { ...owner, fields: left });
  }
  return result ?? owners;
}

function remaining(fields: FieldSet, { added, modified, removed }: Comparison): FieldSet {
  return difference(difference(difference(fields, modified), added), removed);
}

/** A field that an applied configuration sets to another value than the one of its owner. */
export interface FieldConflict {
  readonly owner: FieldOwner;
  readonly path: readonly PathElement[];
}

/** What a write would take from others than `except`. */
export function conflictsOf(owners: FieldOwners, changes: Changes, except: string): FieldConflict[] {
  const conflicts: FieldConflict[] = [];
  for (const [id, owner] of owners) {
    const comparison = id === except ? undefined : changes.in(owner.apiVersion);
    if (!comparison) continue;
    const taken = intersection(owner.fields, union(comparison.modified, comparison.added));
    for (const path of pathsOf(sortedSet(taken))) conflicts.push({ owner, path });
  }
  return conflicts;
}
