import { deepEqual, resourceAmounts } from '@keelson/api';
import type { Container, Pod, ResourceRequirements } from '@keelson/api/core/v1';

/** What a node has given to the containers of a pod, by name: not always what the pod asks for by now. */
export type Allocation = ReadonlyMap<string, ResourceRequirements>;

/** Resources that can change while a container runs. */
export const RESIZABLE = ['cpu', 'memory'] as const;

/** What a pod was given: as its status tells, else as it was made. */
export function firstAllocation(pod: Pod): Allocation {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const told = [...containerStatuses, ...initContainerStatuses];
  return new Map(
    resizable(pod).map(({ name, resources = {} }) => {
      const status = told.find((each) => each.name === name && each.containerID !== undefined);
      return [name, status?.resources ?? resources];
    }),
  );
}

/** What the pod asks for now. */
export function wantedAllocation(pod: Pod): Allocation {
  return new Map(resizable(pod).map(({ name, resources = {} }) => [name, resources]));
}

function resizable({ spec }: Pod): readonly Container[] {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
}

/** The pod as it is on the node: with what it was given. The same object if that is what it asks for. */
export function withAllocation(pod: Pod, allocation: Allocation | undefined): Pod {
  if (!allocation || !pod.spec || isSame(allocation, wantedAllocation(pod))) return pod;
  const given = (container: Container): Container => ({ ...container, resources: allocation.get(container.name) });
  const { containers, initContainers } = pod.spec;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.map(given),
      ...(initContainers && { initContainers: initContainers.map(given) }),
    },
  };
}

export function isSame(a: Allocation, b: Allocation): boolean {
  return [...b].every(([name, resources]) => changedResources(a.get(name), resources).length === 0);
}

/** Which of the resizable resources differ. */
export function changedResources(from: ResourceRequirements = {}, to: ResourceRequirements = {}): readonly string[] {
  // Nearly always so, and much cheaper to see than with amounts.
  if (from === to || deepEqual(from, to)) return [];
  const amounts = (of: ResourceRequirements, name: string) =>
    [of.requests, of.limits].map((list) => resourceAmounts(list).get(name)?.toString());
  return RESIZABLE.filter((name) => !deepEqual(amounts(from, name), amounts(to, name)));
}

/** Of these, whether one has to be restarted for. */
export function needsRestart({ resizePolicy = [] }: Container, changed: readonly string[]): boolean {
  return resizePolicy.some(
    ({ resourceName, restartPolicy }) => restartPolicy === 'RestartContainer' && changed.includes(resourceName),
  );
}
