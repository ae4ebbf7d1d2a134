import { nameOf, type KubernetesObject } from '@keelson/api';
import type { Ingress, IngressClass } from '@keelson/api/networking/v1';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';
import { cachedObjects, type CachedObjectsDependencies } from './cached-objects.ts';

const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';
/** How the class was named before there was a field for it. */
const LEGACY_CLASS = 'kubernetes.io/ingress.class';

/** Gives Ingresses that say nothing about a class the default one; of several the newest. */
export class DefaultIngressClass implements AdmissionMutator {
  readonly name = 'DefaultIngressClass';
  readonly #deps: CachedObjectsDependencies;

  constructor(deps: CachedObjectsDependencies) {
    this.#deps = deps;
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, resource, subresource, operation } = request;
    const isNew = resource.group === 'networking.k8s.io' && resource.resource === 'ingresses' && operation === 'CREATE';
    if (!isNew || subresource !== '') return object;
    const ingress = object as Ingress;
    const isSaid = ingress.spec?.ingressClassName !== undefined || ingress.metadata?.annotations?.[LEGACY_CLASS] !== undefined;
    if (!ingress.spec || isSaid) return object;
    const [chosen] = (await cachedObjects<IngressClass>(this.#deps, 'networking.k8s.io', 'ingressclasses'))
      .filter(isDefault)
      .toSorted(byNewest);
    if (chosen) ingress.spec.ingressClassName = nameOf(chosen);
    return object;
  }
}

function isDefault({ metadata }: IngressClass): boolean {
  return metadata?.annotations?.[DEFAULT_CLASS] === 'true';
}

function byNewest(a: IngressClass, b: IngressClass): number {
  const [one, other] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? ''];
  if (one !== other) return one > other ? -1 : 1;
  return nameOf(a) < nameOf(b) ? -1 : 1;
}
