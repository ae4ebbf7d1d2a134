import { deepEqual, formatTime, type KubernetesObject } from '@keelson/api';
import type { ManagedFieldsEntry } from '@keelson/api/meta/v1';
import { ownersAfterUpdate, SchemaMismatch, type FieldOwners, type TrackedWrite } from '@keelson/api/structured-merge';
import { isReason } from '@keelson/base';
import { metaOf, type Call } from '../verbs/call.ts';
import { capOwners } from './cap-owners.ts';
import { KindVersions } from './kind-versions.ts';
import { managerOf } from './manager-name.ts';
import { clientOwners, isReset, managedFieldsOf, NO_OWNERS, storedOwners } from './owners.ts';
import { ownableFields, type OwnableFields } from './ownable-fields.ts';

type Entries = readonly ManagedFieldsEntry[];

/**
 * Hot path: notes in a new object who has set what. It must be as the client sent it, with defaults: what the server puts into it later
 * belongs to nobody. About 20 us for a pod.
 */
export function trackCreation(call: Call, object: KubernetesObject): void {
  const given = withdrawn(object);

  const { definition, services } = call;
  const versions = new KindVersions(services.registry, definition, ownableFields(definition, 'main'));
  const owners = given === undefined || isReset(given) ? NO_OWNERS : (validOwners(given) ?? NO_OWNERS);
  // What need not be found need not be taken out again.
  const created = versions.served('status' in definition.subresources ? statusless(object) : object);
  const tracked = attempt(owners, () => ownersAfterUpdate(trackedWrite(call, versions, owners), undefined, created));
  setManagedFields(object, managedFieldsOf(tracked));
}

function statusless(object: KubernetesObject & { status?: unknown }): KubernetesObject {
  return object.status === undefined ? object : ({ ...object, status: undefined } as KubernetesObject);
}

/** What `trackUpdate` is to compare. */
export interface TrackedChange {
  /** What becomes of the object, as far as the client decides. */
  readonly object: KubernetesObject;
  readonly old: Readonly<KubernetesObject>;
  readonly ownable: OwnableFields;
}

/**
 * Hot path: notes in a changed object who has changed what. What a client itself says in `metadata.managedFields` goes before what is stored,
 * except in a subresource. An object of which nothing is noted stays one until it is applied.
 */
export function trackUpdate(call: Call, { object, old, ownable }: TrackedChange): void {
  const given = withdrawn(object);

  const stored = old.metadata?.managedFields;
  const own = call.info.subresource === undefined ? given : undefined;
  if (own !== undefined && isReset(own)) return setManagedFields(object, undefined);
  const fromClient = own === undefined || deepEqual(own, stored) ? undefined : validOwners(own);
  const owners = fromClient ?? storedOwners(stored);
  if (owners.size === 0) return setManagedFields(object, undefined);
  const versions = new KindVersions(call.services.registry, call.definition, ownable);
  // The same entries in both: there is nothing to compare.
  setManagedFields(object, stored);
  const [before, after] = [versions.served(old), versions.served(object)];
  const tracked = attempt(undefined, () => ownersAfterUpdate(trackedWrite(call, versions, owners), before, after));
  if (tracked === undefined || (tracked === owners && fromClient === undefined)) return;
  setManagedFields(object, managedFieldsOf(capOwners(tracked)));
}

/** Who writes, when, and what is known of the others. */
export function trackedWrite(call: Call, versions: KindVersions, owners: FieldOwners): TrackedWrite {
  const { request, info, services } = call;
  const { apiVersion } = versions;
  const self = { manager: managerOf(request), operation: 'Update', apiVersion, subresource: info.subresource ?? '' } as const;
  return { versions, owners, self, now: timeText(services.clock.now()) };
}

/** Hot path: the same text for a second. */
function timeText(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== lastSecond) [lastSecond, lastText] = [second, formatTime(nowMs)];
  return lastText;
}

let lastSecond = Number.NaN;
let lastText = '';

/** Takes the entries out of an object that is to be compared: they are owned by nobody. */
function withdrawn(object: KubernetesObject): Entries | undefined {
  const meta = metaOf(object);
  const { managedFields } = meta;
  // Deleting a property makes all that is done with the object slow.
  if (managedFields !== undefined) meta.managedFields = undefined;
  return managedFields;
}

/** A frozen object without its entries. */
export function withoutOwners(object: Readonly<KubernetesObject>): KubernetesObject {
  if (object.metadata?.managedFields === undefined) return object;
  const { managedFields: _managedFields, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Undefined if there are none, or if they make no sense: then those that are stored count. */
function validOwners(entries: Entries): FieldOwners | undefined {
  try {
    const owners = clientOwners(entries);
    return owners.size === 0 ? undefined : owners;
  } catch (error) {
    if (isReason(error, 'BadRequest')) return undefined;
    throw error;
  }
}

/** A write is never refused because it can't be said what it changes: two items of a set are null, say. */
function attempt<T>(otherwise: T, track: () => FieldOwners): FieldOwners | T {
  try {
    return track();
  } catch (error) {
    if (error instanceof SchemaMismatch) return otherwise;
    throw error;
  }
}

/**
 * Admission may change the entries, and upstream lets it; but what makes no sense is put back, with a warning. `before` is what they were.
 */
export function settleAfterAdmission(call: Call, object: KubernetesObject, before: Entries | undefined): void {
  const after = object.metadata?.managedFields;
  if (after === before || after === undefined) return;
  if (deepEqual(after, before)) return setManagedFields(object, before);
  try {
    setManagedFields(object, managedFieldsOf(clientOwners(after)));
  } catch (error) {
    if (!isReason(error, 'BadRequest')) throw error;
    setManagedFields(object, before);
    call.warn(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${error.message}`,
    );
  }
}

function setManagedFields(object: KubernetesObject, entries: Entries | undefined): void {
  const meta = metaOf(object);
  // Entries are never changed in place; those of the old object are frozen.
  if (entries !== undefined && entries.length > 0) meta.managedFields = entries as ManagedFieldsEntry[];
  else if ('managedFields' in meta) delete meta.managedFields;
}

/**
 * Hot path: true if a change has changed nothing, or nothing but when somebody is said to have changed something: then the object gets back the
 * times that it had, so that nothing needs to be stored.
 */
export function isUnchanged(object: KubernetesObject, old: Readonly<KubernetesObject>): boolean {
  const [mine, theirs] = [object.metadata?.managedFields, old.metadata?.managedFields];
  if (mine === theirs || mine === undefined || theirs === undefined) return deepEqual(object, old);
  if (!sameButTimes(mine, theirs)) return false;
  setManagedFields(object, theirs);
  if (deepEqual(object, old)) return true;
  setManagedFields(object, mine);
  return false;
}

function sameButTimes(mine: Entries, theirs: Entries): boolean {
  if (mine.length !== theirs.length) return false;
  return mine.every((entry, at) => SAME.every((field) => deepEqual(entry[field], theirs[at]?.[field])));
}

const SAME = ['manager', 'operation', 'apiVersion', 'fieldsType', 'fieldsV1', 'subresource'] as const;
