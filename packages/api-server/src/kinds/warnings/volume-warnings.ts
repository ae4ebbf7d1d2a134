import type { PersistentVolumeClaimSpec, ProjectedVolumeSource, Volume } from '@keelson/api/core/v1';
import { checkEach, type Field } from '../../validation/field.ts';
import { fractionWarning } from './container-warnings.ts';

/** Kinds of volumes that nobody should use any more. */
const DEPRECATED = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
} as const;

/** Of kinds of volumes that nobody should use any more. */
export function deprecatedSourceWarnings(source: object, at: Field): readonly string[] {
  return Object.entries(DEPRECATED)
    .filter(([name]) => Object.hasOwn(source, name))
    .map(([name, message]) => `${at.child(goName(name))}: ${message}`);
}

/** Upstream's warning spells this one as its own code does. */
function goName(name: string): string {
  return name === 'storageos' ? 'storageOS' : name;
}

export function volumeWarnings(volumes: readonly Volume[] | undefined, specAt: Field): readonly string[] {
  const warnings: string[] = [];
  const tokens = new Set<string>();
  for (const { projected } of volumes ?? [])
    for (const { serviceAccountToken } of projected?.sources ?? []) tokens.add(serviceAccountToken?.path ?? '');
  tokens.delete('');
  checkEach(volumes, specAt, 'volumes', (volume, at) => {
    warnings.push(...deprecatedSourceWarnings(volume, at));
    const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
    if (claim !== undefined)
      warnings.push(...claimSpecWarnings(claim, at.child('ephemeral').child('volumeClaimTemplate').child('spec')));
    if (volume.projected !== undefined && tokens.size > 0)
      warnings.push(...sharedPathWarnings(volume.projected, tokens, at.child('projected').child('sources')));
  });
  return warnings;
}

export function claimSpecWarnings({ resources }: PersistentVolumeClaimSpec, at: Field): readonly string[] {
  return (['requests', 'limits'] as const).flatMap((list) =>
    fractionWarning(resources?.[list]?.['storage'], () => at.child('resources').child(list).key('storage')),
  );
}

/** What else is where a token is to be. */
function sharedPathWarnings({ sources = [] }: ProjectedVolumeSource, tokens: ReadonlySet<string>, at: Field): readonly string[] {
  const warnings: string[] = [];
  const look = (path: string | undefined, place: () => Field): void => {
    if (path !== undefined && tokens.has(path))
      warnings.push(`${place()}: has duplicated path with ServiceAccountToken ${JSON.stringify(path)}`);
  };
  for (const { configMap, secret, downwardAPI, clusterTrustBundle } of sources) {
    for (const [name, source] of Object.entries({ configMap, secrets: secret, downwardAPI }))
      source?.items?.forEach(({ path }, position) => look(path, () => at.child(name).index(position)));
    look(clusterTrustBundle?.path, () => at.child('ClusterTrustBundle'));
  }
  return warnings;
}
