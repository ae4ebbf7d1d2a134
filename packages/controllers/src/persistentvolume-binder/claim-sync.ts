import {
  claimNamesOf,
  defaultStorageClass,
  findVolumeFor,
  isVolumeOf,
  keyOf,
  nameOf,
  namespaceOf,
  storageClassOf,
  uidOf,
  VOLUME_ANNOTATIONS,
  whyUnfit,
} from '@keelson/api';
import { PersistentVolume, type PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import type { BinderDependencies } from './binder-dependencies.ts';
import type { Binding } from './binding.ts';

const { bindCompleted, boundByController, selectedNode } = VOLUME_ANNOTATIONS;
const { storageProvisioner, betaStorageProvisioner } = VOLUME_ANNOTATIONS;
/** Provisioners that were once part of the controller; nobody else answers to such a name. */
const IN_TREE = 'kubernetes.io/';

/** Finds the volume of a claim, or somebody who makes one. */
export class ClaimSync {
  readonly #deps: BinderDependencies;
  readonly #binding: Binding;

  constructor(deps: BinderDependencies, binding: Binding) {
    this.#deps = deps;
    this.#binding = binding;
  }

  async sync(claim: PersistentVolumeClaim): Promise<void> {
    if (claim.metadata?.annotations?.[bindCompleted] !== undefined) return this.#syncBound(claim);
    // It would take a volume with it.
    if (claim.metadata?.deletionTimestamp !== undefined) return undefined;
    const wanted = claim.spec?.volumeName ?? '';
    return wanted === '' ? this.#findVolume(claim) : this.#takeVolume(claim, wanted);
  }

  async #findVolume(claim: PersistentVolumeClaim): Promise<void> {
    const storageClass = this.#classOf(claim);
    const isLate = storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
    const isPlaced = claim.metadata?.annotations?.[selectedNode] !== undefined;
    const found = findVolumeFor(claim, this.#deps.volumes.list(), { onlyReserved: isLate && !isPlaced });
    if (found) return this.#binding.bind(found, claim);
    if (await this.#takeDefaultClass(claim)) return undefined;
    if (isLate && !isPlaced) this.#sayWaiting(claim);
    else if (storageClassOf(claim) !== '') await this.#provision(claim, storageClass);
    else {
      const message = 'no persistent volumes available for this claim and no storage class is set';
      this.#deps.events.event(claim, 'Normal', 'FailedBinding', message);
    }
    return undefined;
  }

  /** A volume that the user asked for by name, or that was chosen before everything stopped. */
  async #takeVolume(claim: PersistentVolumeClaim, name: string): Promise<void> {
    const volume = this.#deps.volumes.get(name);
    if (!volume) return this.#binding.setClaimPhase(claim, 'Pending');
    if (isVolumeOf(volume, claim)) return this.#binding.bind(volume, claim);
    if (!volume.spec?.claimRef) {
      const misfit = whyUnfit(volume, claim);
      if (misfit === undefined) return this.#binding.bind(volume, claim);
      this.#warn(claim, 'VolumeMismatch', `Cannot bind to requested volume "${name}": ${misfit}`);
      return this.#binding.setClaimPhase(claim, 'Pending');
    }
    if (claim.metadata?.annotations?.[boundByController] !== undefined) {
      const { namespace, name: other } = volume.spec.claimRef;
      const rest = `volume already claimed by "${namespace}/${other}"`;
      throw new Error(`Invalid binding of claim "${keyOf(claim)}" to volume "${name}": ${rest}`);
    }
    this.#warn(claim, 'FailedBinding', `volume "${name}" already bound to a different claim.`);
    return this.#binding.setClaimPhase(claim, 'Pending');
  }

  async #syncBound(claim: PersistentVolumeClaim): Promise<void> {
    const name = claim.spec?.volumeName ?? '';
    if (name === '') {
      return this.#lose(claim, 'ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
    }
    const isOurs = (volume: PersistentVolume): boolean => !volume.spec?.claimRef || volume.spec.claimRef.uid === uidOf(claim);
    const cached = this.#deps.volumes.get(name);
    // A cache that lags must not make anybody believe that data are lost.
    const volume = cached && isOurs(cached) ? cached : await this.#deps.client.resource(PersistentVolume).find({ name });
    if (!volume) return this.#lose(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
    if (isOurs(volume)) return this.#binding.bind(volume, claim);
    return this.#lose(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
  }

  async #lose(claim: PersistentVolumeClaim, reason: string, message: string): Promise<void> {
    if (claim.status?.phase !== 'Lost') this.#warn(claim, reason, message);
    await this.#binding.setClaimPhase(claim, 'Lost');
  }

  /** Of a claim that was made before there was a default class. True if it has one now. */
  async #takeDefaultClass(claim: PersistentVolumeClaim): Promise<boolean> {
    if (claim.spec?.storageClassName !== undefined || storageClassOf(claim) !== '') return false;
    const chosen = defaultStorageClass(this.#deps.classes.list());
    if (!chosen) return false;
    await this.#binding.patchClaim(claim, { spec: { storageClassName: nameOf(chosen) } });
    return true;
  }

  /** Names the provisioner that is to make a volume, and leaves the rest to it. */
  async #provision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined): Promise<void> {
    if (!storageClass) {
      this.#warn(claim, 'ProvisioningFailed', `storageclass.storage.k8s.io "${storageClassOf(claim)}" not found`);
      return;
    }
    const { provisioner } = storageClass;
    if (provisioner.startsWith(IN_TREE)) {
      this.#warn(claim, 'ProvisioningFailed', `no volume plugin matched name: ${provisioner}`);
      return;
    }
    const known = claim.metadata?.annotations ?? {};
    const annotations = { [storageProvisioner]: provisioner, [betaStorageProvisioner]: provisioner };
    const isSaid = Object.entries(annotations).every(([key, value]) => known[key] === value);
    if (!isSaid) await this.#binding.patchClaim(claim, { metadata: { annotations } });
    const message =
      `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system ` +
      'administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.';
    this.#deps.events.event(claim, 'Normal', 'ExternalProvisioning', message);
  }

  #sayWaiting(claim: PersistentVolumeClaim): void {
    const { events, pods } = this.#deps;
    const users = pods
      .list(namespaceOf(claim))
      .filter((pod) => !pod.spec?.nodeName && claimNamesOf(pod).includes(nameOf(claim)))
      .map(nameOf);
    if (users.length === 0) {
      events.event(claim, 'Normal', 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding');
    } else events.event(claim, 'Normal', 'WaitForPodScheduled', `waiting for pod ${users.join(', ')} to be scheduled`);
  }

  #classOf(claim: PersistentVolumeClaim): StorageClass | undefined {
    const name = storageClassOf(claim);
    return name === '' ? undefined : this.#deps.classes.get(name);
  }

  #warn(claim: PersistentVolumeClaim, reason: string, message: string): void {
    this.#deps.events.event(claim, 'Warning', reason, message);
  }
}
