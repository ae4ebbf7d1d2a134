import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from './generated/core/v1.ts';
import type { StorageClass } from './generated/storage/v1.ts';
import { nameOf, namespaceOf, uidOf } from './objects.ts';
import { matchesNodeSelectorTerm } from './placement.ts';
import { parseQuantity, Quantity } from './quantity.ts';
import { labelSelectorFrom } from './selectors.ts';

/** Annotations by which those who bind claims to volumes, provision volumes and place pods tell each other what they have done. */
export const VOLUME_ANNOTATIONS = {
  /** On a claim: it has been bound once. If its volume is gone, so are its data. */
  bindCompleted: 'pv.kubernetes.io/bind-completed',
  /** On a claim or a volume: the controller chose the other one, and may take it back. */
  boundByController: 'pv.kubernetes.io/bound-by-controller',
  /** On a volume: who made it, and deletes it. */
  provisionedBy: 'pv.kubernetes.io/provisioned-by',
  /** On a claim: the node of the pod that waits for it. */
  selectedNode: 'volume.kubernetes.io/selected-node',
  /** On a claim: who is to make its volume; the second name is the older one. */
  storageProvisioner: 'volume.kubernetes.io/storage-provisioner',
  betaStorageProvisioner: 'volume.beta.kubernetes.io/storage-provisioner',
  /** On a claim or a volume: the older way to name a class. */
  betaStorageClass: 'volume.beta.kubernetes.io/storage-class',
  /** On a class: that of claims that name none. */
  defaultClass: 'storageclass.kubernetes.io/is-default-class',
  betaDefaultClass: 'storageclass.beta.kubernetes.io/is-default-class',
} as const;

/** The provisioner of classes whose volumes are made by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';

const A = VOLUME_ANNOTATIONS;
const TRUE = 'true';

/** The class of a claim or volume; empty for none. */
export function storageClassOf({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string {
  return metadata?.annotations?.[A.betaStorageClass] ?? spec?.storageClassName ?? '';
}

/** The class of claims that name none: of several that are marked so the newest, of these the first by name. */
export function defaultStorageClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const madeAt = ({ metadata }: StorageClass): string => metadata?.creationTimestamp ?? '';
  const isDefault = ({ metadata }: StorageClass): boolean =>
    metadata?.annotations?.[A.defaultClass] === TRUE || metadata?.annotations?.[A.betaDefaultClass] === TRUE;
  const byAge = (a: StorageClass, b: StorageClass): number =>
    madeAt(a) === madeAt(b) ? (nameOf(a) < nameOf(b) ? -1 : 1) : madeAt(a) < madeAt(b) ? 1 : -1;
  return classes.filter(isDefault).toSorted(byAge)[0];
}

/** True if the volume is reserved for the claim, or bound to it. */
export function isVolumeOf({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { namespace, name, uid = '' } = spec?.claimRef ?? {};
  return name === nameOf(claim) && namespace === namespaceOf(claim) && (uid === '' || uid === uidOf(claim));
}

/** True once a claim and its volume know each other. */
export function isClaimBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return Boolean(spec?.volumeName) && metadata?.annotations?.[A.bindCompleted] !== undefined;
}

/** The name of the claim that a volume of a pod stands for, if it stands for one. */
export function claimNameOf(pod: Pod, volume: NonNullable<NonNullable<Pod['spec']>['volumes']>[number]): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral && `${nameOf(pod)}-${volume.name}`;
}

/** The names of the claims that a pod names, and of those that are made for it. */
export function claimNamesOf(pod: Pod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap((volume) => claimNameOf(pod, volume) ?? []);
}

/** True if a volume can be reached from a node. */
export function volumeReaches({ spec }: PersistentVolume, node: Pick<Node, 'metadata'>): boolean {
  const required = spec?.nodeAffinity?.required;
  return !required || required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node));
}

/** Why a volume that a claim asks for by name cannot be its own, as upstream words it. */
export function whyUnfit(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (capacityOf(volume).cmp(requestOf(claim)) < 0) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if (!hasModeOf(volume, claim)) return 'incompatible volumeMode';
  return offersAccess(volume, claim) ? undefined : 'incompatible accessMode';
}

/** True if both are file systems, or both block devices. */
export function hasModeOf({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (spec?.volumeMode ?? 'Filesystem') === (claim.spec?.volumeMode ?? 'Filesystem');
}

/** How volumes are looked for. */
export interface VolumeSearch {
  /** Only those that can be reached from this node. Without it, nobody has chosen a node yet. */
  readonly node?: Pick<Node, 'metadata'>;
  /** Names of those that are not to be had. */
  readonly taken?: ReadonlySet<string>;
  /** Volumes that nobody has reserved for the claim are left alone: a pod is still to choose its node. */
  readonly onlyReserved?: boolean;
}

/**
 * The volume for a claim: the one that is reserved for it, otherwise the one of its class that offers least beyond what it asks for, first in
 * access modes, then in size. `undefined` also if the reserved one cannot be reached from the node.
 */
export function findVolumeFor(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  { node, taken, onlyReserved = false }: VolumeSearch = {},
): PersistentVolume | undefined {
  const fits = (volume: PersistentVolume): boolean =>
    volume.metadata?.deletionTimestamp === undefined &&
    !taken?.has(nameOf(volume)) &&
    hasModeOf(volume, claim) &&
    offersAccess(volume, claim) &&
    capacityOf(volume).cmp(requestOf(claim)) >= 0;
  const reaches = (volume: PersistentVolume): boolean => !node || volumeReaches(volume, node);
  const reserved = volumes.find((volume) => isVolumeOf(volume, claim) && fits(volume));
  if (reserved) return reaches(reserved) ? reserved : undefined;
  if (onlyReserved) return undefined;
  const selector = claim.spec?.selector && labelSelectorFrom(claim.spec.selector);
  const isFree = (volume: PersistentVolume): boolean =>
    !volume.spec?.claimRef &&
    volume.status?.phase === 'Available' &&
    storageClassOf(volume) === storageClassOf(claim) &&
    (!selector || selector.matches(volume.metadata?.labels));
  return volumes.filter((volume) => isFree(volume) && fits(volume) && reaches(volume)).toSorted(byExcess)[0];
}

function byExcess(a: PersistentVolume, b: PersistentVolume): number {
  const modes = (volume: PersistentVolume): number => volume.spec?.accessModes?.length ?? 0;
  return modes(a) - modes(b) || capacityOf(a).cmp(capacityOf(b)) || (nameOf(a) < nameOf(b) ? -1 : 1);
}

function offersAccess({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  return (claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode));
}

function capacityOf({ spec }: PersistentVolume): Quantity {
  return amountOf(spec?.capacity?.['storage']);
}

function requestOf({ spec }: PersistentVolumeClaim): Quantity {
  return amountOf(spec?.resources?.requests?.['storage']);
}

function amountOf(text: string | undefined): Quantity {
  return text === undefined ? Quantity.ZERO : parseQuantity(text);
}
