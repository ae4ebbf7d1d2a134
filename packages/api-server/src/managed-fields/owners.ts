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

function ownerOf(entry: ManagedFieldsEntry, fields: FieldSet): FieldOwner {
  const { manager = '', operation, apiVersion = '', subresource = '', time } = entry;
  return { manager, operation: operation === 'Apply' ? 'Apply' : 'Update', apiVersion, subresource, time, fields };
}

/** Hot path: the owners in `metadata.managedFields` that this server has written. */
export function storedOwners(entries: Entries | undefined): FieldOwners {
  if (entries === undefined || entries.length === 0) return NO_OWNERS;
  const owners = new Map<string, FieldOwner>();
  for (const entry of entries) {
    // Its form was checked before it was stored.
    const owner = ownerOf(entry, (entry.fieldsV1 ?? {}) as FieldSet);
    owners.set(ownerId(owner), owner);
  }
  return owners;
}

/** The owners in what a client wrote. Throws `BadRequest` if an entry makes no sense. */
export function clientOwners(entries: Entries): FieldOwners {
  const owners = new Map<string, FieldOwner>();
  for (const [index, entry] of entries.entries()) {
    check(entry, index);
    const fields = parseFieldSet(entry.fieldsV1);
    const owner = ownerOf(entry, fields);
    owners.set(ownerId(owner), owner);
  }
  return owners;
}

function check({ operation, apiVersion = '', fieldsType = '' }: ManagedFieldsEntry, index: number): void {
  if (operation !== 'Apply' && operation !== 'Update') throw refused('operation must be `Apply` or `Update`');
  if (apiVersion === '') throw refused('apiVersion must not be empty');
  if (fieldsType === '') throw refused(`missing fieldsType in managed fields entry ${index}`);
  if (fieldsType !== 'FieldsV1') {
    throw refused(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
  }
}

function refused(message: string): KeelsonError {
  return new KeelsonError('BadRequest', message);
}

/** Hot path: the owners as they are stored: those that apply first, then by time and name. Undefined if there are none. */
export function managedFieldsOf(owners: FieldOwners): ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  const entries = Array.from(owners.values(), entryOf);
  return entries.length === 1 ? entries : entries.sort(inOrder);
}

function entryOf({ manager, operation, apiVersion, subresource, time, fields }: FieldOwner): ManagedFieldsEntry {
  return {
    ...(manager !== '' && { manager }),
    operation,
    apiVersion,
    ...(time !== undefined && { time }),
    fieldsType: 'FieldsV1',
    fieldsV1: pooledSet(fields),
    ...(subresource !== '' && { subresource }),
  };
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
