import type { KubernetesObject } from '@keelson/api';
import type { Namespace } from '@keelson/api/core/v1';
import type { ResourceDefinition } from '../registry/resource-definition.ts';

function isNamespace(definition: ResourceDefinition): boolean {
  return definition.group === '' && definition.resource === 'namespaces';
}

/** True if the kind has a reason of its own to keep an object that is being deleted: a namespace has finalizers in its spec too. */
export function isHeldBack(definition: ResourceDefinition, object: KubernetesObject): boolean {
  if (!isNamespace(definition)) return false;
  return ((object as Namespace).spec?.finalizers?.length ?? 0) > 0;
}

/** What changes in an object, beside its metadata, when its deletion begins. */
export function markTerminating(definition: ResourceDefinition, object: KubernetesObject): void {
  if (!isNamespace(definition)) return;
  const namespace = object as Namespace;
  namespace.status = { ...namespace.status, phase: 'Terminating' };
}
