import { deepEqual, nameOf, namespaceOf, uidOf, VOLUME_ANNOTATIONS } from '@keelson/api';
import { PersistentVolume, PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import { patchStatusIfChanged } from '@keelson/controller-runtime';

const { bindCompleted, boundByController } = VOLUME_ANNOTATIONS;
const YES = 'yes';

type VolumePhase = 'Available' | 'Bound' | 'Failed' | 'Released';

/**
 * The writes of binding. Each is made on the version that was looked at, so who has lost a race gets a `Conflict` and looks again.
 *
 * A claim and a volume are bound in four writes, each of which is left out if it has been made: the volume names the claim, the volume is
 * `Bound`, the claim names the volume, the claim is `Bound`. After any of them everything may stop: the volume that names a claim is the only
 * one that will be chosen for it again.
 */
export class Binding {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async bind(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
    const reserved = await this.#reserve(volume, claim);
    const bound = await this.setPhase(reserved, 'Bound');
    const completed = await this.#complete(claim, bound);
    const { accessModes, capacity } = bound.spec ?? {};
    await patchStatusIfChanged(this.#client, PersistentVolumeClaim, completed, { phase: 'Bound', accessModes, capacity });
  }

  /** What the claim had of a volume is taken back. */
  async setClaimPhase(claim: PersistentVolumeClaim, phase: 'Pending' | 'Lost'): Promise<void> {
    await patchStatusIfChanged(this.#client, PersistentVolumeClaim, claim, {
      phase,
      accessModes: undefined,
      capacity: undefined,
    });
  }

  setPhase(volume: PersistentVolume, phase: VolumePhase, message?: string): Promise<PersistentVolume> {
    return patchStatusIfChanged(this.#client, PersistentVolume, volume, { phase, message });
  }

  /** Takes the claim from a volume that shall serve others; of one that its user has reserved, only what ties it to this very claim. */
  async release(volume: PersistentVolume): Promise<void> {
    const wasChosenHere = volume.metadata?.annotations?.[boundByController] !== undefined;
    const patch = wasChosenHere
      ? { metadata: { annotations: { [boundByController]: null } }, spec: { claimRef: null } }
      : { spec: { claimRef: { uid: null, resourceVersion: null } } };
    await this.setPhase(await this.patchVolume(volume, patch), 'Available');
  }

  patchVolume(volume: PersistentVolume, patch: Patch): Promise<PersistentVolume> {
    const { resourceVersion } = volume.metadata ?? {};
    const metadata = { ...patch.metadata, resourceVersion };
    return this.#client.resource(PersistentVolume).patch({ name: nameOf(volume) }, 'merge', { ...patch, metadata });
  }

  patchClaim(claim: PersistentVolumeClaim, patch: Patch): Promise<PersistentVolumeClaim> {
    const { resourceVersion } = claim.metadata ?? {};
    const metadata = { ...patch.metadata, resourceVersion };
    const name = { name: nameOf(claim), namespace: namespaceOf(claim) };
    return this.#client.resource(PersistentVolumeClaim).patch(name, 'merge', { ...patch, metadata });
  }

  async #reserve(volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<PersistentVolume> {
    const known = volume.spec?.claimRef;
    if (known?.uid === uidOf(claim)) return volume;
    const claimRef = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      name: nameOf(claim),
      namespace: namespaceOf(claim),
      uid: uidOf(claim),
      resourceVersion: claim.metadata?.resourceVersion,
    };
    const annotations = { [boundByController]: YES };
    return this.patchVolume(volume, { ...(!known && { metadata: { annotations } }), spec: { claimRef } });
  }

  async #complete(claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<PersistentVolumeClaim> {
    const known = claim.metadata?.annotations ?? {};
    const isChosenHere = (claim.spec?.volumeName ?? '') === '';
    const annotations = {
      ...known,
      ...(isChosenHere && { [boundByController]: YES }),
      ...(known[bindCompleted] === undefined && { [bindCompleted]: YES }),
    };
    if (!isChosenHere && deepEqual(annotations, known)) return claim;
    return this.patchClaim(claim, { metadata: { annotations }, spec: { volumeName: nameOf(volume) } });
  }
}

interface Patch {
  readonly metadata?: object;
  readonly spec?: object;
}
