import { createHash } from 'node:crypto';
import type { SubresourceFact } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { groupVersionOf, type ServedGroup, type ServedVersion } from './groups.ts';

/** `APIVersions`, for `/api`. */
export function apiVersions(groups: readonly ServedGroup[], serverAddress: string): object {
  const versions = groups.find(({ name }) => name === '')?.versions.map(({ version }) => version) ?? [];
  return {
    kind: 'APIVersions',
    versions,
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `APIGroupList`, for `/apis`. */
export function apiGroupList(groups: readonly ServedGroup[]): object {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.filter(({ name }) => name !== '').map(groupEntry) };
}

/** `APIGroup`, for `/apis/GROUP`. */
export function apiGroup(group: ServedGroup): object {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(group) };
}

function groupEntry({ name, versions, preferred }: ServedGroup) {
  const entry = (version: string) => ({ groupVersion: groupVersionOf(name, version), version });
  return { name, versions: versions.map(({ version }) => entry(version)), preferredVersion: entry(preferred) };
}

/** `APIResourceList`, for `/api/v1` and `/apis/GROUP/VERSION`. */
export function apiResourceList(group: string, { version, definitions }: ServedVersion): object {
  return {
    kind: 'APIResourceList',
    ...(group !== '' && { apiVersion: 'v1' }),
    groupVersion: groupVersionOf(group, version),
    resources: definitions.flatMap((definition) => [resourceEntry(definition), ...subresourceEntries(definition)]),
  };
}

/** What clients are told that they can do with a kind. One that is going away can still be written, so that finalizers can be taken off. */
export function listedVerbs({ verbs, terminating }: ResourceDefinition): readonly string[] {
  return terminating === true ? verbs.filter((verb) => !['create', 'patch', 'update'].includes(verb)) : verbs;
}

function resourceEntry(definition: ResourceDefinition): object {
  const { resource, singular, namespaced, kind, shortNames, categories, storage } = definition;
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs: listedVerbs(definition),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    ...(storage && { storageVersionHash: storageVersionHash(storage.group, storage.version, kind) }),
  };
}

function subresourceEntries({ resource, namespaced, subresources }: ResourceDefinition): object[] {
  return subresourcesByName(subresources).map(([name, { kind, verbs, group, version }]) => ({
    name: `${resource}/${name}`,
    singularName: '',
    namespaced,
    ...(group !== undefined && { group }),
    ...(version !== undefined && { version }),
    kind,
    verbs,
  }));
}

export function subresourcesByName(subresources: ResourceDefinition['subresources']): [string, SubresourceFact][] {
  return Object.entries(subresources).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Changes when objects come to be stored in another version: eight bytes of SHA-256 of `group/version/kind`. */
export function storageVersionHash(group: string, version: string, kind: string): string {
  return createHash('sha256').update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString('base64');
}
