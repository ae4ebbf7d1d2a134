import { keyOf, nameOf, namespaceOf, uidOf } from '@keelson/api';
import type { PersistentVolume, Pod } from '@keelson/api/core/v1';
import {
  claimNames,
  configMapNames,
  reference,
  resourceClaimNames,
  secretNames,
  secretsOfPersistentVolume,
  type Reference,
} from './references.ts';

const MIRROR = 'kubernetes.io/config.mirror';

interface BoundPod {
  readonly uid: string;
  readonly node: string;
  /** What of its references can change: resource claims are made for it, and ephemeral containers come. */
  readonly later: string;
  readonly references: readonly Reference[];
}

interface BoundVolume {
  readonly claim: Reference;
  readonly secrets: readonly Reference[];
}

/**
 * What nodes have to do with, by the pods that are bound to them: the pods, their service accounts, ConfigMaps, Secrets and claims; the
 * volumes of these claims, and the Secrets of these volumes. A change costs what the one pod or volume refers to.
 */
export class NodeGraph {
  readonly #pods = new Map<string, BoundPod>();
  readonly #volumes = new Map<string, BoundVolume>();
  /** By node: how many pods refer to something. */
  readonly #counts = new Map<string, Map<Reference, number>>();
  /** By Secret: names of the volumes that need it. */
  readonly #needing = new Map<Reference, Set<string>>();

  /** True if the node has to do with the object. */
  has(node: string, object: Reference): boolean {
    const counts = this.#counts.get(node);
    if (!counts) return false;
    if (counts.has(object)) return true;
    const claimed = (name: string): boolean => {
      const volume = this.#volumes.get(name);
      return volume !== undefined && counts.has(volume.claim);
    };
    if (object.startsWith('persistentvolumes/')) return claimed(object.slice(object.lastIndexOf('/') + 1));
    for (const name of this.#needing.get(object) ?? []) if (claimed(name)) return true;
    return false;
  }

  get podKeys(): Iterable<string> {
    return this.#pods.keys();
  }

  get volumeNames(): Iterable<string> {
    return this.#volumes.keys();
  }

  putPod(pod: Pod): void {
    const key = keyOf(pod);
    const node = pod.spec?.nodeName ?? '';
    const known = this.#pods.get(key);
    const claims = resourceClaimNames(pod);
    const [uid, later] = [uidOf(pod), [pod.spec?.ephemeralContainers?.length ?? 0, ...claims].join()];
    if (known?.uid === uid && known.node === node && known.later === later) return;
    this.dropPod(key);
    if (node === '') return;
    const references = referencesOf(pod, claims);
    this.#pods.set(key, { uid, node, later, references });
    const counts = this.#counts.get(node) ?? new Map<Reference, number>();
    this.#counts.set(node, counts);
    for (const each of references) counts.set(each, (counts.get(each) ?? 0) + 1);
  }

  dropPod(key: string): void {
    const known = this.#pods.get(key);
    const counts = known && this.#counts.get(known.node);
    if (!counts) return;
    this.#pods.delete(key);
    for (const each of known.references) {
      const left = (counts.get(each) ?? 0) - 1;
      if (left > 0) counts.set(each, left);
      else counts.delete(each);
    }
    if (counts.size === 0) this.#counts.delete(known.node);
  }

  putVolume(volume: PersistentVolume): void {
    const name = nameOf(volume);
    const { claimRef } = volume.spec ?? {};
    this.dropVolume(name);
    if (!claimRef) return;
    const secrets = secretsOfPersistentVolume(volume);
    this.#volumes.set(name, {
      claim: reference('persistentvolumeclaims', claimRef.namespace ?? '', claimRef.name ?? ''),
      secrets,
    });
    for (const secret of secrets) this.#needing.set(secret, (this.#needing.get(secret) ?? new Set()).add(name));
  }

  dropVolume(name: string): void {
    for (const secret of this.#volumes.get(name)?.secrets ?? []) {
      const needing = this.#needing.get(secret);
      needing?.delete(name);
      if (needing?.size === 0) this.#needing.delete(secret);
    }
    this.#volumes.delete(name);
  }
}

/** Each once. A mirror pod gives its node no right to anything else: it is made by the node. */
function referencesOf(pod: Pod, resourceClaims: readonly string[]): readonly Reference[] {
  const namespace = namespaceOf(pod);
  const own = reference('pods', namespace, nameOf(pod));
  if (pod.metadata?.annotations?.[MIRROR] !== undefined) return [own];
  const { serviceAccountName = '' } = pod.spec ?? {};
  const named: Readonly<Record<string, readonly string[]>> = {
    serviceaccounts: serviceAccountName === '' ? [] : [serviceAccountName],
    secrets: secretNames(pod),
    configmaps: configMapNames(pod),
    persistentvolumeclaims: claimNames(pod),
    resourceclaims: resourceClaims,
  };
  const all = Object.entries(named).flatMap(([resource, names]) => names.map((name) => reference(resource, namespace, name)));
  return [...new Set([own, ...all])];
}
