import type { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import { maxSurge } from './limits.ts';

export const REVISION = 'deployment.kubernetes.io/revision';
export const REVISION_HISTORY = 'deployment.kubernetes.io/revision-history';
const DESIRED_REPLICAS = 'deployment.kubernetes.io/desired-replicas';
const MAX_REPLICAS = 'deployment.kubernetes.io/max-replicas';

/** Of a Deployment alone, or kept by the controller on each object in its own way. */
const NOT_COPIED = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  REVISION,
  REVISION_HISTORY,
  DESIRED_REPLICAS,
  MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

/** Characters that the history of revisions may have. */
const MAX_HISTORY = 2000;

export type Annotations = Readonly<Record<string, string>>;

/** 0 if it has none. Whoever writes it may begin anywhere in 64 bits. */
export function revisionOf(set: ReplicaSet): bigint {
  return bigIntegerOf(set, REVISION) ?? 0n;
}

/** How large the Deployment was when the set was last scaled. */
export function desiredReplicasOf(set: ReplicaSet): number | undefined {
  return integerOf(set, DESIRED_REPLICAS);
}

/** How many pods the Deployment could have when the set was last scaled. */
export function maxReplicasOf(set: ReplicaSet): number | undefined {
  return integerOf(set, MAX_REPLICAS);
}

/** What a set that is scaled now remembers of the Deployment's size. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  const replicas = deployment.spec?.replicas ?? 1;
  return { [DESIRED_REPLICAS]: String(replicas), [MAX_REPLICAS]: String(replicas + maxSurge(deployment)) };
}

/** Annotations of a Deployment that its current set has too. */
export function copiedAnnotations({ metadata }: Deployment): Annotations {
  return Object.fromEntries(Object.entries(metadata?.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key)));
}

/**
 * The revision of the set, if it is to get a higher one, and the ones that it had before. Example: the set of revision 1, to which a Deployment
 * at revision 4 is rolled back, gets revision 5 and history `1`.
 */
export function revisionAnnotations(set: ReplicaSet, revision: bigint): Annotations {
  const old = set.metadata?.annotations?.[REVISION] ?? '';
  if ((old !== '' && bigIntegerOf(set, REVISION) === undefined) || revisionOf(set) >= revision) return {};
  if (old === '') return { [REVISION]: String(revision) };
  const known = (set.metadata?.annotations?.[REVISION_HISTORY] ?? '').split(',').filter((each) => each !== '');
  const history = [...known, old];
  while (history.length > 1 && history.join(',').length > MAX_HISTORY) history.shift();
  return { [REVISION]: String(revision), [REVISION_HISTORY]: history.join(',') };
}

/** Those of `wanted` that the object does not have like that; `undefined` if it has them all. */
export function missingAnnotations(
  { metadata }: { readonly metadata?: { annotations?: Record<string, string> | undefined } | undefined },
  wanted: Annotations,
): Annotations | undefined {
  const missing = Object.entries(wanted).filter(([key, value]) => metadata?.annotations?.[key] !== value);
  return missing.length > 0 ? Object.fromEntries(missing) : undefined;
}

function integerOf(set: ReplicaSet, key: string): number | undefined {
  const integer = bigIntegerOf(set, key);
  return integer === undefined ? undefined : Number(integer);
}

function bigIntegerOf({ metadata }: ReplicaSet, key: string): bigint | undefined {
  const text = metadata?.annotations?.[key] ?? '';
  return /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}
