import { defaultStorageClass, nameOf, storageClassOf, type KubernetesObject } from '@keelson/api';
import type { PersistentVolumeClaim } from '@keelson/api/core/v1';
import type { StorageClass } from '@keelson/api/storage/v1';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';
import { cachedObjects, type CachedObjectsDependencies } from './cached-objects.ts';

/** Gives claims that say nothing about a storage class the default one. An empty name is an answer: no class. */
export class DefaultStorageClass implements AdmissionMutator {
  readonly name = 'DefaultStorageClass';
  readonly #deps: CachedObjectsDependencies;

  constructor(deps: CachedObjectsDependencies) {
    this.#deps = deps;
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, resource, subresource, operation } = request;
    const isNewClaim = resource.group === '' && resource.resource === 'persistentvolumeclaims' && operation === 'CREATE';
    if (!isNewClaim || subresource !== '') return object;
    const claim = object as PersistentVolumeClaim;
    if (!claim.spec || claim.spec.storageClassName !== undefined || storageClassOf(claim) !== '') return object;
    const chosen = defaultStorageClass(await cachedObjects<StorageClass>(this.#deps, 'storage.k8s.io', 'storageclasses'));
    if (chosen) claim.spec.storageClassName = nameOf(chosen);
    return object;
  }
}
