import { VOLUME_ANNOTATIONS } from '@keelson/api';
import { PersistentVolume } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import { errorMessage, Lifecycle, type Runnable } from '@keelson/base';
import { defineController, type ControllerWorld } from '@keelson/controller-runtime';
import { Directories } from './directories.ts';
import { claimProvisioning } from './provision-claim.ts';
import { volumeReclaiming } from './reclaim-volume.ts';

/** What a StorageClass names as its `provisioner`. */
export const LOCAL_PATH_PROVISIONER = 'keelson.dev/local-path';

/** A class for all who ask for none in particular. A volume is made where its first pod is to run, and deleted after its claim. */
export const LOCAL_PATH_CLASS: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'local-path', annotations: { [VOLUME_ANNOTATIONS.defaultClass]: 'true' } },
  provisioner: LOCAL_PATH_PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};

export interface LocalPathOptions {
  /** Volumes are `<root>/<node>/<volume>`, on this machine. */
  readonly root: string;
  /** Which nodes are on this machine. Run one provisioner on each machine, that answers for its nodes. Default: all. */
  readonly isHere?: (nodeName: string) => boolean;
  /** Another name to answer to than `LOCAL_PATH_PROVISIONER`. */
  readonly provisioner?: string;
}

/** Makes a directory for each claim of its classes and a `local` volume of that, and deletes both when the claim has gone. */
export function localPathProvisioner(options: LocalPathOptions, world: ControllerWorld): Runnable {
  const { root, isHere = () => true, provisioner = LOCAL_PATH_PROVISIONER } = options;
  const parts = { directories: new Directories(root), isHere, provisioner };
  const controllers = new Lifecycle(world.logger);
  controllers.add(defineController(claimProvisioning(parts), world));
  controllers.add(defineController(volumeReclaiming(parts), world));
  const volumes = world.informers.for(PersistentVolume);
  return {
    name: 'local-path-provisioner',
    start: async (signal) => {
      await volumes.whenSynced(signal);
      const paths = new Set(volumes.list().map(({ spec }) => spec?.local?.path));
      await parts.directories
        .sweep((path) => paths.has(path))
        .catch((error: unknown) => world.logger.warn('directories not swept', { root, error: errorMessage(error) }));
      await controllers.start(signal);
    },
    stop: () => controllers.stop(),
  };
}
