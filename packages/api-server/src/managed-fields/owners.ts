import { KeelsonError } from '@keelson/base';
import type { ManagedFieldsEntry } from '@keelson/api/meta/v1';
import {
  ownerId,
  parseFieldSet,
  pooledSet,
  type FieldOwner,
  type FieldOwners,
  type FieldSet,
} from '@keelson/api/structured-merge';

type Entries = readonly ManagedFieldsEntry[];

export const NO_OWNERS: FieldOwners = new Map();

/** What was encoded once need not be decoded again, and the other way round. */
const decoded = new WeakMap<Entries, FieldOwners>();
const encoded = new WeakMap<FieldOwner, ManagedFieldsEntry>();

/** Hot path: the owners in `metadata.managedFields` that this server has written. */
export function storedOwners(entries: Entries | undefined): FieldOwners {
  if (entries === undefined || entries.length === 0) return NO_OWNERS;
  const known = decoded.get(entries);
  if (known) return known;
  const owners = new Map<string, FieldOwner>();
  for (const entry of entries) {
    // Its form was checked before it was stored.
    const owner = ownerOf(entry, (entry.fieldsV1 ?? {}) as FieldSet);
    encoded.set(owner, entry);
    owners.set(ownerId(owner), owner);
  }
  decoded.set(entries, owners);
  return owners;
}

/** The owners in what a client wrote. Throws `BadRequest` if an entry makes no sense. */
export function clientOwners(entries: Entries): FieldOwners {
  const owners = new Map<string, FieldOwner>();
  for (const [index, entry] of entries.entries()) {
    check(entry, index);
    const owner = ownerOf(entry, parseFieldSet(entry.fieldsV1));
    owners.set(ownerId(owner), owner);
  }
  return owners;
}

function ownerOf(entry: ManagedFieldsEntry, fields: FieldSet): FieldOwner {
  const { manager = '', operation, apiVersion = '', subresource = '', time } = entry;
  return { manager, operation: operation === 'Apply' ? 'Apply' : 'Update', apiVersion, subresource, time, fields };
}

function check({ operation, apiVersion = '', fieldsType = '' }: ManagedFieldsEntry, index: number): void {
  if (operation !== 'Apply' && operation !== 'Update') throw refused('operation must be `Apply` or `Update`');
  if (apiVersion === '') throw refused('apiVersion must not be empty');
  if (fieldsType === '') throw refused(`missing fieldsType in managed fields entry ${index}`);
  if (fieldsType !== 'FieldsV1')
    throw refused(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
}

function refused(message: string): KeelsonError {
  return new KeelsonError('BadRequest', message);
}

/** Hot path: the owners as they are stored: those that apply first, then by time and name. Undefined if there are none. */
export function managedFieldsOf(owners: FieldOwners): ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  const entries: ManagedFieldsEntry[] = [];
  const kept = new Map<string, FieldOwner>();
  for (const [id, owner] of owners) {
    const known = encoded.get(owner);
    // The set that is in use is kept, so that it can be seen at once that it is the same.
    const shared = known ? owner : { ...owner, fields: pooledSet(owner.fields) };
    kept.set(id, shared);
    entries.push(known ?? entryOf(shared));
  }
  if (entries.length > 1) entries.sort(inOrder);
  decoded.set(entries, kept);
  return entries;
}

function entryOf(owner: FieldOwner): ManagedFieldsEntry {
  const { manager, operation, apiVersion, subresource, time, fields } = owner;
  const entry: ManagedFieldsEntry = { operation, apiVersion, fieldsType: 'FieldsV1', fieldsV1: fields };
  if (manager !== '') entry.manager = manager;
  if (time !== undefined) entry.time = time;
  if (subresource !== '') entry.subresource = subresource;
  encoded.set(owner, entry);
  return entry;
}

const SORTED_BY = ['operation', 'time', 'manager', 'apiVersion', 'subresource'] as const;

function inOrder(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  for (const field of SORTED_BY) {
    const [mine, theirs] = [a[field] ?? '', b[field] ?? ''];
    if (mine !== theirs) return mine < theirs ? -1 : 1;
  }
  return 0;
}

/** True if a client asks that nothing be managed any more: an empty list, or one entry without content. */
export function isReset(entries: Entries): boolean {
  if (entries.length === 0) return true;
  return entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0;
}
