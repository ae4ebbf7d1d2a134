import { claimNamesOf, storageClassOf } from '@keelson/api';
import { PersistentVolume, PersistentVolumeClaim, type Pod } from '@keelson/api/core/v1';
import { CSINode, StorageClass } from '@keelson/api/storage/v1';
import type { Informer, InformerFactory } from '@keelson/controller-runtime';
import type { Subscription } from 'rxjs';

/** An index of volumes by the class that they are of. */
export const VOLUMES_BY_CLASS = 'scheduler/class';

/** What is known of the volumes of a cluster. */
export interface StorageInformers {
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
  readonly csiNodes: Informer<CSINode>;
}

export function storageInformers(informers: InformerFactory): StorageInformers {
  const volumes = informers.for(PersistentVolume);
  volumes.addIndexer(VOLUMES_BY_CLASS, (volume) => [storageClassOf(volume)]);
  return {
    claims: informers.for(PersistentVolumeClaim),
    volumes,
    classes: informers.for(StorageClass),
    csiNodes: informers.for(CSINode),
  };
}

/** Calls `changed` whenever something of it may let a pod with volumes find a node. */
export function onStorageChange({ claims, volumes, classes, csiNodes }: StorageInformers, changed: () => void): Subscription[] {
  return [
    claims.deltas$.subscribe(changed),
    volumes.deltas$.subscribe(changed),
    classes.deltas$.subscribe(changed),
    csiNodes.deltas$.subscribe(changed),
  ];
}

export function usesClaims(pod: Pod): boolean {
  return claimNamesOf(pod).length > 0;
}
