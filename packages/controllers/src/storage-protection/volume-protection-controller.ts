import { PersistentVolume } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import {
  addFinalizer,
  fromInformer,
  removeFinalizer,
  type Lister,
  type NamespacedName,
  type Reconciler,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const NAME = 'persistentvolume-protection-controller';
const FINALIZER = 'kubernetes.io/pv-protection';

interface Dependencies {
  readonly client: Client;
  readonly volumes: Lister<PersistentVolume>;
}

/** Lets a volume that is to be deleted go when no claim is bound to it. */
class VolumeProtection implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<void> {
    const { client, volumes } = this.#dependencies;
    const volume = volumes.get(name);
    if (!volume) return;
    if (volume.metadata?.deletionTimestamp === undefined) await addFinalizer(client, PersistentVolume, volume, FINALIZER);
    else if (volume.status?.phase !== 'Bound') await removeFinalizer(client, PersistentVolume, volume, FINALIZER);
  }
}

/** `persistentvolume-protection-controller`. */
export const volumeProtectionController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const volumes = informers.for(PersistentVolume);
  const reconciler = new VolumeProtection({ client, volumes });
  return reconcilingController(context, { name: NAME, reconciler, sources: [fromInformer(volumes)] });
};
