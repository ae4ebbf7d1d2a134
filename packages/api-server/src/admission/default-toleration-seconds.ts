import type { KubernetesObject } from '@keelson/api';
import type { Pod, Toleration } from '@keelson/api/core/v1';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';

const SECONDS = 300;
const TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** Lets pods stay for five minutes on a node that is not ready or cannot be reached, unless they say otherwise. */
export class DefaultTolerationSeconds implements AdmissionMutator {
  readonly name = 'DefaultTolerationSeconds';

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, resource, subresource, operation } = request;
    if (resource.group !== '' || resource.resource !== 'pods' || subresource !== '') return object;
    if (operation !== 'CREATE' && operation !== 'UPDATE') return object;
    const { spec } = object as Pod;
    if (!spec) return object;
    const present = spec.tolerations ?? [];
    const missing = TAINTS.filter((taint) => !present.some((toleration) => tolerates(toleration, taint)));
    if (missing.length === 0) return object;
    const added = missing.map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS }));
    spec.tolerations = [...present, ...(added as Toleration[])];
    return object;
  }
}

function tolerates({ key, effect }: Toleration, taint: string): boolean {
  const anyKey = key === undefined || key === '';
  const anyEffect = effect === undefined || (effect as string) === '';
  return (anyKey || key === taint) && (anyEffect || effect === 'NoExecute');
}
