import { nameOf, namespaceOf, uidOf } from '@keelson/api';
import type { StatefulSet } from '@keelson/api/apps/v1';
import { PersistentVolumeClaim, type Pod } from '@keelson/api/core/v1';
import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder, Lister } from '@keelson/controller-runtime';
import { claimOwners, claimsOf, hasWrongOwners, isLeftOver } from './claims.ts';

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly claims: Lister<PersistentVolumeClaim>;
}

/** Makes the claims of a StatefulSet's pods, and says who they belong to. Never deletes one: that is up to the garbage collector. */
export class ClaimWriter {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** True if claims still belong to a pod of that name that is gone, and so are about to go too. */
  areLeftOver(set: StatefulSet, pod: Pod, ordinal: number): boolean {
    if (set.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false;
    return claimsOf(set, ordinal).some((wanted) => {
      const known = this.#find(wanted);
      return known !== undefined && isLeftOver(known, nameOf(pod), pod.metadata?.uid);
    });
  }

  /** Makes those that are missing. Throws if one is being deleted: a pod would get the wrong one. */
  async create(set: StatefulSet, pod: Pod, ordinal: number): Promise<void> {
    for (const wanted of claimsOf(set, ordinal)) {
      const known = this.#find(wanted);
      if (known?.metadata?.deletionTimestamp !== undefined)
        throw new KeelsonError('Conflict', `pvc ${nameOf(wanted)} is being deleted`);
      if (!known) await this.#create(set, pod, { claim: wanted, ordinal });
    }
  }

  /** Also writes who they belong to. */
  async keep(set: StatefulSet, pod: Pod, ordinal: number): Promise<void> {
    for (const wanted of claimsOf(set, ordinal)) {
      const known = this.#find(wanted);
      if (known) await this.#own(set, pod, { claim: known, ordinal });
      else if (pod.status?.phase === 'Pending') await this.#create(set, pod, { claim: wanted, ordinal });
    }
  }

  #find(claim: PersistentVolumeClaim): PersistentVolumeClaim | undefined {
    return this.#dependencies.claims.get(nameOf(claim), namespaceOf(claim));
  }

  async #create(
    set: StatefulSet,
    pod: Pod,
    { claim, ordinal }: { readonly claim: PersistentVolumeClaim; readonly ordinal: number },
  ): Promise<void> {
    const { client, events } = this.#dependencies;
    // A pod that does not exist yet owns nothing, and one that is being made is wanted.
    const ownerReferences = [...claimOwners({ set, pod, ordinal }, [])];
    try {
      const owned = ownerReferences.length > 0 ? { ...claim, metadata: { ...claim.metadata, ownerReferences } } : claim;
      await client.resource(PersistentVolumeClaim).create(owned);
    } catch (error) {
      // It is there already; the cache will show it.
      if (isReason(error, 'AlreadyExists')) return;
      const message = `create Claim ${nameOf(claim)} for Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} failed error: ${errorMessage(error)}`;
      events.event(set, 'Warning', 'FailedCreate', message);
      throw error;
    }
    const message = `create Claim ${nameOf(claim)} Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)} success`;
    events.event(set, 'Normal', 'SuccessfulCreate', message);
  }

  async #own(
    set: StatefulSet,
    pod: Pod,
    { claim, ordinal }: { readonly claim: PersistentVolumeClaim; readonly ordinal: number },
  ): Promise<void> {
    const ownerReferences = claimOwners({ set, pod, ordinal }, claim.metadata?.ownerReferences ?? []);
    if (!hasWrongOwners(claim, set, ownerReferences)) return;
    const where = { name: nameOf(claim), namespace: namespaceOf(claim) };
    const { resourceVersion } = claim.metadata ?? {};
    const patch = { metadata: { uid: uidOf(claim), resourceVersion, ownerReferences } };
    await this.#dependencies.client.resource(PersistentVolumeClaim).patch(where, 'merge', patch);
  }
}
