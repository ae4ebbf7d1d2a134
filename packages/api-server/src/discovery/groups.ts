import { facts } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';

/** The resources of one version of a group, in order of their names. */
export interface ServedVersion {
  readonly version: string;
  readonly definitions: readonly ResourceDefinition[];
}

/** A group as it is served: only versions that have resources, the best first. */
export interface ServedGroup {
  /** Empty for the core group. */
  readonly name: string;
  readonly versions: readonly ServedVersion[];
  readonly preferred: string;
}

/** Groups of Kubernetes' own API in its order, then all others by name. */
export function servedGroups(definitions: readonly ResourceDefinition[]): ServedGroup[] {
  const byGroup = Map.groupBy(definitions, ({ group }) => group);
  const known = facts().groups.map(({ group }) => group);
  const others = [...byGroup.keys()].filter((group) => !known.includes(group)).sort();
  return [...known, ...others].flatMap((name) => {
    const members = byGroup.get(name);
    return members ? [servedGroup(name, members)] : [];
  });
}

function servedGroup(name: string, definitions: readonly ResourceDefinition[]): ServedGroup {
  const fact = facts().groups.find(({ group }) => group === name);
  const byVersion = Map.groupBy(definitions, ({ version }) => version);
  const rank = (version: string) => (fact ? (fact.versions.indexOf(version) + 1000) % 1000 : 0);
  const names = [...byVersion.keys()].sort((a, b) => rank(a) - rank(b) || compareVersions(a, b));
  const versions = names.map((version) => ({ version, definitions: byName(byVersion.get(version) ?? []) }));
  const preferred = fact && names.includes(fact.preferred) ? fact.preferred : (names[0] ?? '');
  return { name, versions, preferred };
}

function byName(definitions: readonly ResourceDefinition[]): ResourceDefinition[] {
  return definitions.toSorted((a, b) => (a.resource < b.resource ? -1 : 1));
}

/** Kubernetes' order of versions, best first: `v10`, `v2`, `v1`, `v11beta2`, `v10beta3`, `v1alpha2`, then anything else by name. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [versionRank(a), versionRank(b)];
  for (const [at, rank] of left.entries()) {
    const difference = (right[at] ?? 0) - rank;
    if (difference !== 0) return difference;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

function versionRank(version: string): number[] {
  const found = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (!found) return [0, 0, 0];
  const [, major, stage, minor] = found;
  return [stage === undefined ? 3 : stage === 'beta' ? 2 : 1, Number(major), Number(minor ?? 0)];
}

/** `v1` or `apps/v1`. */
export function groupVersionOf(group: string, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}
