import {
  findVolumeFor,
  isVolumeOf,
  keyOf,
  matchesNodeRequirement,
  nameOf,
  NO_PROVISIONER,
  parseQuantity,
  storageClassOf,
  VOLUME_ANNOTATIONS,
  volumeReaches,
} from '@keelson/api';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import { VOLUMES_BY_CLASS, type StorageInformers } from '../../storage-informers.ts';
import type { AssumedClaims } from './assumed-claims.ts';
import type { PodClaims } from './pod-claims.ts';

/** What is to be done before a pod can run on a node. */
export interface NodePlan {
  readonly node: Node;
  readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
  /** Claims whose volumes somebody is to make. */
  readonly provisions: readonly PersistentVolumeClaim[];
}

export const REASONS = {
  gone: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
  elsewhere: 'node(s) had volume node affinity conflict',
  none: "node(s) didn't find available persistent volumes to bind",
} as const;

/** What plans are made from. */
export interface PlanContext {
  readonly storage: StorageInformers;
  readonly assumed: AssumedClaims;
}

/** What a pod's claims need on a node, or why it cannot be had there. */
export function planFor({ bound, late }: PodClaims, node: Node, context: PlanContext): NodePlan | string {
  for (const { spec } of bound) {
    const volume = context.storage.volumes.get(spec?.volumeName ?? '');
    if (!volume) return REASONS.gone;
    if (!volumeReaches(volume, node)) return REASONS.elsewhere;
  }
  return late.length === 0 ? { node, bindings: [], provisions: [] } : planLate(late, node, context);
}

/** Small claims first, so that they do not take the volumes of large ones. */
function planLate(claims: readonly PersistentVolumeClaim[], node: Node, context: PlanContext): NodePlan | string {
  const bindings: { claim: PersistentVolumeClaim; volume: PersistentVolume }[] = [];
  const provisions: PersistentVolumeClaim[] = [];
  const taken = new Set<string>();
  for (const claim of claims.toSorted((a, b) => sizeOf(a).cmp(sizeOf(b)))) {
    const decided = decidedNode(claim, context);
    if (decided !== undefined && decided !== nameOf(node)) return REASONS.none;
    const volume = decided === undefined ? findOn(node, claim, { ...context, taken }) : undefined;
    if (volume) {
      taken.add(nameOf(volume));
      bindings.push({ claim, volume });
    } else if (isProvisionable(claim, node, context)) provisions.push(claim);
    else return REASONS.none;
  }
  return { node, bindings, provisions };
}

/** Where the volume of a claim is being made already: for another pod, or for this one in an attempt before. */
function decidedNode(claim: PersistentVolumeClaim, { assumed }: PlanContext): string | undefined {
  return claim.metadata?.annotations?.[VOLUME_ANNOTATIONS.selectedNode] ?? assumed.provisionedOn(keyOf(claim));
}

function findOn(
  node: Node,
  claim: PersistentVolumeClaim,
  { storage, assumed, taken }: PlanContext & { readonly taken: ReadonlySet<string> },
): PersistentVolume | undefined {
  const own = assumed.volumeOf(keyOf(claim));
  const volumes = storage.volumes
    .byIndex(VOLUMES_BY_CLASS, storageClassOf(claim))
    .filter((volume) => (own === undefined ? !assumed.hasVolume(nameOf(volume)) : nameOf(volume) === own));
  const reserved = volumes.find((volume) => isVolumeOf(volume, claim));
  return findVolumeFor(claim, reserved ? [reserved] : volumes, { node, taken });
}

function isProvisionable(claim: PersistentVolumeClaim, node: Node, { storage, assumed }: PlanContext): boolean {
  // It has been given a volume that cannot be reached from here.
  if (assumed.volumeOf(keyOf(claim)) !== undefined) return false;
  const storageClass = storage.classes.get(storageClassOf(claim));
  if (!storageClass || storageClass.provisioner === NO_PROVISIONER) return false;
  return allowsTopology(storageClass, node);
}

function allowsTopology({ allowedTopologies: terms = [] }: StorageClass, { metadata }: Node): boolean {
  if (terms.length === 0) return true;
  return terms.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) =>
      matchesNodeRequirement({ key, operator: 'In', values }, metadata?.labels ?? {}),
    ),
  );
}

function sizeOf({ spec }: PersistentVolumeClaim): ReturnType<typeof parseQuantity> {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
}
