import { defaultStorageClass, nameOf, storageClassOf, type KubernetesObject } from '@keelson/api';
import type { PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import type { Registry } from '../registry/registry.ts';
import type { Storages } from '../storage/resource-storage.ts';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';

/** Gives claims that say nothing about a storage class the default one. An empty name is an answer: no class. */
export class DefaultStorageClass implements AdmissionMutator {
  readonly name = 'DefaultStorageClass';
  readonly #registry: Registry;
  readonly #storages: Storages;

  constructor({ registry, storages }: { readonly registry: Registry; readonly storages: Storages }) {
    this.#registry = registry;
    this.#storages = storages;
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, resource, subresource, operation } = request;
    const isNewClaim = resource.group === '' && resource.resource === 'persistentvolumeclaims' && operation === 'CREATE';
    if (!isNewClaim || subresource !== '') return object;
    const claim = object as PersistentVolumeClaim;
    if (!claim.spec || claim.spec.storageClassName !== undefined || storageClassOf(claim) !== '') return object;
    const chosen = defaultStorageClass(await this.#classes());
    if (chosen) claim.spec.storageClassName = nameOf(chosen);
    return object;
  }

  async #classes(): Promise<readonly StorageClass[]> {
    const definition = this.#registry.find('storage.k8s.io', 'v1', 'storageclasses');
    if (!definition) return [];
    const { cache } = this.#storages.of(definition);
    await cache.ready();
    return cache.list().map((item) => item.object() as StorageClass);
  }
}
