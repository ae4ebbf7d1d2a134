import { forbidden, type KubernetesObject } from '@keelson/api';
import type { Pod, PodSpec, Toleration } from '@keelson/api/core/v1';
import type { RuntimeClass } from '@keelson/api/node/v1';
import type { Registry } from '../registry/registry.ts';
import type { Storages } from '../storage/resource-storage.ts';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';

type Amounts = NonNullable<PodSpec['overhead']>;

/** Gives a pod what its RuntimeClass costs (`overhead`) and where it can run (`scheduling`). */
export class RuntimeClassAdmission implements AdmissionMutator {
  readonly name = 'RuntimeClass';
  readonly #registry: Registry;
  readonly #storages: Storages;

  constructor({ registry, storages }: { readonly registry: Registry; readonly storages: Storages }) {
    this.#registry = registry;
    this.#storages = storages;
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    const { object, resource, subresource, operation } = request;
    if (resource.group !== '' || resource.resource !== 'pods' || subresource !== '' || operation !== 'CREATE') return object;
    const pod = object as Pod;
    if (!pod.spec) return object;
    const { runtimeClassName } = pod.spec;
    if (runtimeClassName === undefined || runtimeClassName === '') {
      if (pod.spec.overhead)
        throw rejected(pod, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      return object;
    }
    const found = await this.#find(runtimeClassName);
    if (!found) throw rejected(pod, `pod rejected: RuntimeClass "${runtimeClassName}" not found`);
    setOverhead(pod, pod.spec, found.overhead?.podFixed);
    setScheduling(pod, pod.spec, found.scheduling);
    return object;
  }

  async #find(name: string): Promise<RuntimeClass | undefined> {
    const definition = this.#registry.find('node.k8s.io', 'v1', 'runtimeclasses');
    const storage = definition && this.#storages.of(definition);
    const item = storage && ((await storage.cached(undefined, name)) ?? (await storage.current(undefined, name)));
    return item?.object() as RuntimeClass | undefined;
  }
}

function setOverhead(pod: Pod, spec: PodSpec, overhead: Amounts | undefined): void {
  if (spec.overhead && !isSame(spec.overhead, overhead ?? {})) {
    const why = overhead
      ? "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
      : 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead';
    throw rejected(pod, why);
  }
  if (overhead) spec.overhead = { ...overhead };
}

function isSame(one: Amounts, other: Amounts): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => one[name] === other[name]);
}

function setScheduling(pod: Pod, spec: PodSpec, scheduling: RuntimeClass['scheduling']): void {
  for (const [key, value] of Object.entries(scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      const ofClass = `runtimeClass.scheduling.nodeSelector[${key}] = ${value}`;
      throw rejected(pod, `conflict: ${ofClass}; pod.spec.nodeSelector[${key}] = ${own}`);
    }
    spec.nodeSelector = { ...spec.nodeSelector, [key]: value };
  }
  const present = spec.tolerations ?? [];
  const added = (scheduling?.tolerations ?? []).filter((toleration) => !present.some((each) => isEqual(each, toleration)));
  if (added.length > 0) spec.tolerations = [...present, ...added];
}

function isEqual(one: Toleration, other: Toleration): boolean {
  const names = ['key', 'operator', 'value', 'effect', 'tolerationSeconds'] as const;
  return names.every((name) => one[name] === other[name]);
}

function rejected(pod: Pod, why: string): Error {
  return forbidden({ group: '', resource: 'pods' }, pod.metadata?.name ?? '', why);
}
