import type { ObjectReference, Pod } from '@keelson/api/core/v1';

/** What an event about a pod refers to. Objects out of a list carry no kind of their own. */
export function podSubject({ metadata }: Pod): ObjectReference {
  const { name, namespace, uid, resourceVersion } = metadata ?? {};
  return { apiVersion: 'v1', kind: 'Pod', name, namespace, uid, resourceVersion };
}

const LISTS = [
  ['containers', 'spec.containers'],
  ['initContainers', 'spec.initContainers'],
  ['ephemeralContainers', 'spec.ephemeralContainers'],
] as const;

/** What an event about one container of a pod refers to: the pod, and where in it, such as `spec.containers{web}`. */
export function containerSubject(pod: Pod, container: string): ObjectReference {
  const list = LISTS.find(([field]) => pod.spec?.[field]?.some(({ name }) => name === container));
  return { ...podSubject(pod), ...(list && { fieldPath: `${list[1]}{${container}}` }) };
}

/** Events about a node carry its name in place of a uid: they may come before the node is registered. */
export function nodeSubject(name: string): ObjectReference {
  return { apiVersion: 'v1', kind: 'Node', name, uid: name };
}
