import { isClaimBound, keyOf, nameOf, uidOf, VOLUME_ANNOTATIONS, volumeReaches } from '@keelson/api';
import type { PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { Verdict } from '../../framework.ts';
import type { StorageInformers } from '../../storage-informers.ts';
import { REASONS, type NodePlan } from './node-plan.ts';

const { selectedNode } = VOLUME_ANNOTATIONS;

/** Claims whose volumes are being bound or made for a pod that waits for them. */
export class ClaimsInTheMaking {
  readonly #plan: NodePlan;
  readonly #storage: Pick<StorageInformers, 'claims' | 'volumes'>;
  /** Claims that were seen with the node that was chosen. */
  readonly #sent = new Set<string>();
  #verdict: Verdict;

  constructor(plan: NodePlan, storage: Pick<StorageInformers, 'claims' | 'volumes'>) {
    this.#plan = plan;
    this.#storage = storage;
  }

  /** Why it will come to nothing, once it is over. */
  get verdict(): Verdict {
    return this.#verdict;
  }

  /** True if all claims are bound, or one of them will not be. To be asked whenever a claim has changed. */
  isOver(): boolean {
    const { bindings, provisions } = this.#plan;
    let isOpen = false;
    for (const claim of [...bindings.map((binding) => binding.claim), ...provisions]) {
      const current = this.#storage.claims.getByKey(keyOf(claim));
      if (!current || uidOf(current) !== uidOf(claim)) return this.#refuse(`persistentvolumeclaim "${nameOf(claim)}" not found`);
      if (!isClaimBound(current)) {
        isOpen = true;
        if (this.#isGivenBack(current)) {
          return this.#refuse(`provisioning failed: selectedNode annotation reset for PVC "${nameOf(claim)}"`);
        }
      } else if (!this.#isReached(current)) return this.#refuse(REASONS.elsewhere);
    }
    return !isOpen;
  }

  #refuse(reason: string): true {
    this.#verdict = { reason, preemptable: false };
    return true;
  }

  /** A provisioner that cannot make the volume there takes the node away, for another one to be chosen. */
  #isGivenBack(claim: PersistentVolumeClaim): boolean {
    if (claim.metadata?.annotations?.[selectedNode] !== nameOf(this.#plan.node)) return this.#sent.has(keyOf(claim));
    this.#sent.add(keyOf(claim));
    return false;
  }

  /** It may not have done as it was told. */
  #isReached({ spec }: PersistentVolumeClaim): boolean {
    const volume = this.#storage.volumes.get(spec?.volumeName ?? '');
    return !volume || volumeReaches(volume, this.#plan.node);
  }
}
