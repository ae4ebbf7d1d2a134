import { claimNamesOf, namespaceOf } from '@keelson/api';
import { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import {
  addFinalizer,
  fromInformer,
  hasFinalizer,
  keyText,
  removeFinalizer,
  type Lister,
  type NamespacedName,
  type Reconciler,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { usesClaim } from './claim-users.ts';

const NAME = 'persistentvolumeclaim-protection-controller';
const FINALIZER = 'kubernetes.io/pvc-protection';

interface Dependencies {
  readonly client: Client;
  readonly claims: Lister<PersistentVolumeClaim>;
  readonly pods: Lister<Pod>;
}

/** Lets a claim that is to be deleted go when no pod uses it. */
class ClaimProtection implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<void> {
    const { client, claims } = this.#dependencies;
    const claim = claims.getByKey(keyText(key));
    if (!claim) return;
    if (claim.metadata?.deletionTimestamp === undefined) await addFinalizer(client, PersistentVolumeClaim, claim, FINALIZER);
    else if (hasFinalizer(claim, FINALIZER) && !(await this.#isUsed(claim)))
      await removeFinalizer(client, PersistentVolumeClaim, claim, FINALIZER);
  }

  /** The server has the last word: the cache may not show a pod yet that has just come to a node, and data would be lost. */
  async #isUsed(claim: PersistentVolumeClaim): Promise<boolean> {
    const { client, pods } = this.#dependencies;
    const namespace = namespaceOf(claim);
    const uses = (pod: Pod): boolean => usesClaim(pod, claim);
    if (pods.list(namespace).some(uses)) return true;
    return (await client.resource(Pod).list({ namespace })).items.some(uses);
  }
}

/** `persistentvolumeclaim-protection-controller`. */
export const claimProtectionController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const claims = informers.for(PersistentVolumeClaim);
  const pods = informers.for(Pod);
  /** Those that wait for a pod alone: most pods have none. */
  const waitingClaims = (pod: Pod): readonly NamespacedName[] => {
    const namespace = namespaceOf(pod);
    return claimNamesOf(pod)
      .filter((name) => claims.get(name, namespace)?.metadata?.deletionTimestamp !== undefined)
      .map((name) => ({ namespace, name }));
  };
  return reconcilingController(context, {
    name: NAME,
    reconciler: new ClaimProtection({ client, claims, pods }),
    sources: [fromInformer(claims), fromInformer(pods, waitingClaims)],
  });
};
