import { forbidden, type KubernetesObject } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { PriorityClass } from '@keelson/api/scheduling/v1';
import type { Registry } from '../registry/registry.ts';
import type { Storages } from '../storage/resource-storage.ts';
import type { AdmissionMutator, AdmissionRequest } from './admission.ts';

/** Classes that every cluster has, whether or not they are stored yet. */
const SYSTEM: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

/** Turns the name of a pod's priority class into its number. */
export class PriorityAdmission implements AdmissionMutator {
  readonly name = 'Priority';
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
    if (pod.spec) await this.#assign(pod, pod.spec);
    return object;
  }

  async #assign(pod: Pod, spec: NonNullable<Pod['spec']>): Promise<void> {
    const chosen = spec.priorityClassName ? await this.#byName(pod, spec.priorityClassName) : await this.#default();
    if (chosen?.name && !spec.priorityClassName) spec.priorityClassName = chosen.name;
    const priority = chosen?.value ?? 0;
    if (spec.priority !== undefined && spec.priority !== priority) {
      const why = `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`;
      throw forbidden({ group: '', resource: 'pods' }, pod.metadata?.name ?? '', why);
    }
    spec.priority = priority;
    spec.preemptionPolicy ??= chosen?.preemptionPolicy ?? 'PreemptLowerPriority';
  }

  async #byName(pod: Pod, name: string): Promise<Chosen> {
    const storage = this.#classes();
    const item = storage && ((await storage.cached(undefined, name)) ?? (await storage.current(undefined, name)));
    if (item) return chosenOf(item.object() as PriorityClass);
    const value = SYSTEM[name];
    if (value !== undefined) return { name, value, preemptionPolicy: undefined };
    throw forbidden({ group: '', resource: 'pods' }, pod.metadata?.name ?? '', `no PriorityClass with name ${name} was found`);
  }

  /** The class that is marked as the default for all; of several, the one that takes the least. */
  async #default(): Promise<Chosen | undefined> {
    const storage = this.#classes();
    if (!storage) return undefined;
    await storage.cache.ready();
    const classes = storage.cache.list().map((item) => item.object() as PriorityClass);
    const defaults = classes
      .filter(({ globalDefault }) => globalDefault === true)
      .toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0));
    return defaults[0] && chosenOf(defaults[0]);
  }

  #classes() {
    const definition = this.#registry.find('scheduling.k8s.io', 'v1', 'priorityclasses');
    return definition && this.#storages.of(definition);
  }
}

interface Chosen {
  readonly name: string;
  readonly value: number;
  readonly preemptionPolicy: PriorityClass['preemptionPolicy'];
}

function chosenOf({ metadata, value, preemptionPolicy }: PriorityClass): Chosen {
  return { name: metadata?.name ?? '', value: value ?? 0, preemptionPolicy };
}
