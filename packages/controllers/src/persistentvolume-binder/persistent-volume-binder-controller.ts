import { nameOf, storageClassOf, VOLUME_ANNOTATIONS } from '@keelson/api';
import { PersistentVolume, PersistentVolumeClaim, Pod, type ObjectReference } from '@keelson/api/core/v1';
import { StorageClass } from '@keelson/api/storage/v1';
import { isReason } from '@keelson/base';
import {
  fromInformer,
  keyText,
  namespacedName,
  type Informer,
  type NamespacedName,
  type Reconciler,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import type { BinderDependencies } from './binder-dependencies.ts';
import { Binding } from './binding.ts';
import { ClaimSync } from './claim-sync.ts';
import { VolumeSync } from './volume-sync.ts';

const NAME = 'persistentvolume-binder-controller';
/** Claims that are bound to nothing yet, by class. */
const UNBOUND = 'persistentvolume-binder/unbound';
/** Volumes by the claim that they name. */
const CLAIMANT = 'persistentvolume-binder/claimant';

/** Keys with a namespace are claims, those without are volumes. */
class VolumeBinder implements Reconciler {
  readonly #deps: BinderDependencies;
  readonly #claims: ClaimSync;
  readonly #volumes: VolumeSync;

  constructor(deps: BinderDependencies) {
    this.#deps = deps;
    const binding = new Binding(deps.client);
    this.#claims = new ClaimSync(deps, binding);
    this.#volumes = new VolumeSync(deps, binding);
  }

  async reconcile(key: NamespacedName): Promise<void> {
    try {
      if (key.namespace === '') {
        const volume = this.#deps.volumes.get(key.name);
        if (volume) await this.#volumes.sync(volume);
      } else {
        const claim = this.#deps.claims.getByKey(keyText(key));
        if (claim) await this.#claims.sync(claim);
      }
    } catch (error) {
      // Gone meanwhile: its deletion will be seen.
      if (!isReason(error, 'NotFound')) throw error;
    }
  }
}

/** `persistentvolume-binder-controller`. One thing at a time: two claims would choose the same volume, and one of them lose its time. */
export const persistentVolumeBinderController: ControllerFactory = (context) => {
  const { client, events, informers } = context;
  const claims = informers.for(PersistentVolumeClaim);
  const volumes = informers.for(PersistentVolume);
  const classes = informers.for(StorageClass);
  const pods = informers.for(Pod);
  claims.addIndexer(UNBOUND, (claim) =>
    claim.metadata?.annotations?.[VOLUME_ANNOTATIONS.bindCompleted] === undefined ? [storageClassOf(claim)] : [],
  );
  volumes.addIndexer(CLAIMANT, ({ spec }) => (spec?.claimRef ? [keyText(claimantOf(spec.claimRef))] : []));
  const waitingFor = (name: string): readonly NamespacedName[] => claims.byIndex(UNBOUND, name).map(namespacedName);
  const sources = [
    fromInformer(claims, (claim) => [namespacedName(claim), ...volumesOf(claim, volumes)]),
    fromInformer(volumes, (volume) => {
      const { claimRef } = volume.spec ?? {};
      const claimants = claimRef ? [claimantOf(claimRef)] : waitingFor(storageClassOf(volume));
      return [namespacedName(volume), ...claimants];
    }),
    // A class may also become the default one, or the only one there is for claims without any.
    fromInformer(classes, (storageClass) => [...waitingFor(nameOf(storageClass)), ...waitingFor('')]),
  ];
  const reconciler = new VolumeBinder({ client, events, claims, volumes, classes, pods });
  return reconcilingController(context, { name: NAME, reconciler, sources });
};

function claimantOf({ namespace = '', name = '' }: ObjectReference): NamespacedName {
  return { namespace, name };
}

/** Those that the claim names, and those that name the claim. */
function volumesOf(claim: PersistentVolumeClaim, volumes: Informer<PersistentVolume>): readonly NamespacedName[] {
  const named = claim.spec?.volumeName ? [claim.spec.volumeName] : [];
  const naming = volumes.byIndex(CLAIMANT, keyText(namespacedName(claim))).map(nameOf);
  return [...new Set([...named, ...naming])].map((name) => ({ namespace: '', name }));
}
