import { forbidden, podResourceLimits, podResourceRequests, resourceAmounts, type KubernetesObject } from '@keelson/api';
import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import type { Registry } from '../registry/registry.ts';
import type { Storages } from '../storage/resource-storage.ts';
import type { AdmissionMutator, AdmissionRequest, AdmissionValidator } from './admission.ts';
import { limitProblems, requestProblems } from './limit-check.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';

interface Dependencies {
  readonly registry: Registry;
  readonly storages: Storages;
}

/** Gives containers the requests and limits that their namespace has for those who say nothing, and refuses what is too small or too large. */
export class LimitRanger implements AdmissionMutator, AdmissionValidator {
  readonly name = 'LimitRanger';
  readonly #dependencies: Dependencies;

  constructor({ registry, storages }: Dependencies) {
    this.#dependencies = { registry, storages };
  }

  async mutate(request: AdmissionRequest & { readonly object: KubernetesObject }): Promise<KubernetesObject> {
    if (isPod(request) && request.operation === 'CREATE')
      for (const range of await this.#ranges(request.namespace)) setDefaults(request.object as Pod, range);
    return request.object;
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const { object, namespace, resource, name } = request;
    if (!object || !isLimited(request)) return;
    for (const { spec } of await this.#ranges(namespace)) {
      const problems = (spec?.limits ?? []).flatMap((item) =>
        isPod(request) ? podProblems(item, object) : claimProblems(item, object),
      );
      if (problems.length === 0) continue;
      const text = problems.length === 1 ? problems[0] : `[${[...new Set(problems)].join(', ')}]`;
      throw forbidden(resource, name || (object.metadata?.generateName ?? ''), text ?? '');
    }
  }

  async #ranges(namespace: string): Promise<readonly LimitRange[]> {
    const { registry, storages } = this.#dependencies;
    const definition = registry.find('', 'v1', 'limitranges');
    if (!definition) return [];
    const { cache } = storages.of(definition);
    await cache.ready();
    // The storage has only these.
    return cache.list(namespace).map((item) => item.object() as LimitRange);
  }
}

function isPod({ resource }: AdmissionRequest): boolean {
  return resource.group === '' && resource.resource === 'pods';
}

/** What a pod asks for can only be changed by a resize. What is going away is let go. */
function isLimited(request: AdmissionRequest): boolean {
  const { operation, subresource, resource, oldObject } = request;
  if (oldObject?.metadata?.deletionTimestamp !== undefined) return false;
  if (isPod(request)) return operation === 'CREATE' ? subresource === '' : operation === 'UPDATE' && subresource === 'resize';
  const isClaim = resource.group === '' && resource.resource === 'persistentvolumeclaims';
  return isClaim && subresource === '' && (operation === 'CREATE' || operation === 'UPDATE');
}

function setDefaults(pod: Pod, { spec }: LimitRange): void {
  const items = (spec?.limits ?? []).filter(({ type }) => type === 'Container');
  const defaults = {
    requests: Object.assign({}, ...items.map(({ defaultRequest }) => defaultRequest)) as Record<string, string>,
    limits: Object.assign({}, ...items.map((item) => item.default)) as Record<string, string>,
  };
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((container) => setContainer(container, 'container', defaults)),
    ...(pod.spec?.initContainers ?? []).flatMap((container) => setContainer(container, 'init container', defaults)),
  ];
  if (notes.length === 0) return;
  pod.metadata ??= {};
  pod.metadata.annotations = { ...pod.metadata.annotations, [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}` };
}

/** Says what it has set. */
function setContainer(
  container: Container,
  title: string,
  defaults: Readonly<Record<'requests' | 'limits', Record<string, string>>>,
): readonly string[] {
  return (['requests', 'limits'] as const).flatMap((part) => {
    const present = container.resources?.[part] ?? {};
    const names = Object.keys(defaults[part]).filter((name) => !Object.hasOwn(present, name));
    if (names.length === 0) return [];
    container.resources = { ...container.resources, [part]: { ...defaults[part], ...present } };
    return [`${names.toSorted().join(', ')} ${part.slice(0, -1)} for ${title} ${container.name}`];
  });
}

function podProblems(item: LimitRangeItem, pod: KubernetesObject): readonly string[] {
  const { spec } = pod as Pod;
  if (item.type === 'Pod')
    return limitProblems(item, { requests: podResourceRequests(pod as Pod), limits: podResourceLimits(pod as Pod) });
  if (item.type !== 'Container') return [];
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].flatMap(({ resources }) =>
    limitProblems(item, { requests: resourceAmounts(resources?.requests), limits: resourceAmounts(resources?.limits) }),
  );
}

function claimProblems(item: LimitRangeItem, claim: KubernetesObject): readonly string[] {
  if (item.type !== 'PersistentVolumeClaim') return [];
  return requestProblems(item, resourceAmounts((claim as PersistentVolumeClaim).spec?.resources?.requests));
}
