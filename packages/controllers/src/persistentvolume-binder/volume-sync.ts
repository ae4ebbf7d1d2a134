import { hasModeOf, nameOf, uidOf, VOLUME_ANNOTATIONS } from '@keelson/api';
import { PersistentVolumeClaim, type PersistentVolume } from '@keelson/api/core/v1';
import type { BinderDependencies } from './binder-dependencies.ts';
import type { Binding } from './binding.ts';

const { boundByController, provisionedBy } = VOLUME_ANNOTATIONS;

/** Says what a volume is to claims, and does with it what shall be done when its claim has gone. */
export class VolumeSync {
  readonly #deps: BinderDependencies;
  readonly #binding: Binding;

  constructor(deps: BinderDependencies, binding: Binding) {
    this.#deps = deps;
    this.#binding = binding;
  }

  async sync(volume: PersistentVolume): Promise<void> {
    const { claimRef } = volume.spec ?? {};
    // Unused, or reserved for a claim that is bound to nothing yet.
    if (!claimRef || !claimRef.uid) return void (await this.#binding.setPhase(volume, 'Available'));
    const claim = await this.#claimOf(volume);
    if (!claim) return this.#reclaim(volume);
    const bound = claim.spec?.volumeName ?? '';
    if (bound === '') return this.#checkMode(volume, claim);
    if (bound === nameOf(volume)) return void (await this.#binding.setPhase(volume, 'Bound'));
    const isMadeForIt = volume.metadata?.annotations?.[provisionedBy] !== undefined;
    if (isMadeForIt && volume.spec?.persistentVolumeReclaimPolicy === 'Delete') return this.#reclaim(volume);
    return this.#binding.release(volume);
  }

  /** The very claim that the volume is bound to. The server has the last word: with the claim goes the volume, and its data. */
  async #claimOf({ spec, status }: PersistentVolume): Promise<PersistentVolumeClaim | undefined> {
    const { name = '', namespace, uid } = spec?.claimRef ?? {};
    const cached = this.#deps.claims.get(name, namespace);
    if (cached && uidOf(cached) === uid) return cached;
    if (status?.phase === 'Released' || status?.phase === 'Failed') return undefined;
    const current = await this.#deps.client.resource(PersistentVolumeClaim).find({ name, namespace });
    return current && uidOf(current) === uid ? current : undefined;
  }

  /** The claim's turn will complete the binding; here is only said why it never could. */
  async #checkMode(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    if (hasModeOf(volume, claim)) return;
    const why = 'due to incompatible volumeMode.';
    const { events } = this.#deps;
    const ofVolume = `Cannot bind PersistentVolume to requested PersistentVolumeClaim "${nameOf(claim)}" ${why}`;
    events.event(volume, 'Warning', 'VolumeMismatch', ofVolume);
    const ofClaim = `Cannot bind PersistentVolume "${nameOf(volume)}" to requested PersistentVolumeClaim "${nameOf(claim)}" ${why}`;
    events.event(claim, 'Warning', 'VolumeMismatch', ofClaim);
    // Chosen here before one of the two changed: others may have it.
    if (volume.metadata?.annotations?.[boundByController] !== undefined) await this.#binding.release(volume);
  }

  async #reclaim(volume: PersistentVolume): Promise<void> {
    const isKnown = volume.status?.phase === 'Released' || volume.status?.phase === 'Failed';
    const released = isKnown ? volume : await this.#binding.setPhase(volume, 'Released');
    const { persistentVolumeReclaimPolicy: policy } = volume.spec ?? {};
    if (policy === 'Recycle') await this.#fail(released, 'VolumeFailedRecycle', 'No recycler plugin found for the volume!');
    if (policy !== 'Delete') return;
    const provisioner = volume.metadata?.annotations?.[provisionedBy];
    // Who made it watches for released volumes.
    if (provisioner !== undefined && !provisioner.startsWith('kubernetes.io/')) return;
    const where = `for volume "${nameOf(volume)}"`;
    const message = `error getting deleter volume plugin ${where}: no deletable volume plugin matched`;
    await this.#fail(released, 'VolumeFailedDelete', message);
  }

  async #fail(volume: PersistentVolume, reason: string, message: string): Promise<void> {
    if (volume.status?.phase !== 'Failed') this.#deps.events.event(volume, 'Warning', reason, message);
    await this.#binding.setPhase(volume, 'Failed', message);
  }
}
