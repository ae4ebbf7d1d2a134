import type { KubernetesObject } from '@keelson/api';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';

const FINALIZERS: Readonly<Record<string, string>> = {
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  persistentvolumes: 'kubernetes.io/pv-protection',
};

/** Keeps new claims from being deleted while pods use them, and new volumes while claims are bound to them. */
export class StorageObjectInUseProtection implements AdmissionMutator {
  readonly name = 'StorageObjectInUseProtection';

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, resource, subresource, operation } = request;
    const finalizer = resource.group === '' ? FINALIZERS[resource.resource] : undefined;
    if (finalizer === undefined || subresource !== '' || operation !== 'CREATE') return object;
    const present = object.metadata?.finalizers ?? [];
    if (!present.includes(finalizer)) object.metadata = { ...object.metadata, finalizers: [...present, finalizer] };
    return object;
  }
}
