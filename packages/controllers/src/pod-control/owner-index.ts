import { controllerOf, namespaceOf, uidOf, type KubernetesObject } from '@keelson/api';
import type { IndexFunction, Informer, Lister } from '@keelson/controller-runtime';

/** Objects by the uid of the controller that owns them; those that no controller owns, by namespace. */
export const BY_CONTROLLER = 'controller';

const byController: IndexFunction<KubernetesObject> = (object) => [controllerOf(object)?.uid ?? orphansOf(namespaceOf(object))];

export function indexByController<T extends KubernetesObject>(informer: Informer<T>): void {
  informer.addIndexer(BY_CONTROLLER, byController);
}

/** All that may belong to `owner`: what it controls already, and what nobody controls in its namespace. */
export function ownedOrOrphaned<T extends KubernetesObject>(lister: Lister<T>, owner: KubernetesObject): readonly T[] {
  return [...ownedBy(lister, owner), ...lister.byIndex(BY_CONTROLLER, orphansOf(namespaceOf(owner)))];
}

export function ownedBy<T extends KubernetesObject>(lister: Lister<T>, owner: KubernetesObject): readonly T[] {
  return lister.byIndex(BY_CONTROLLER, uidOf(owner));
}

/** No uid has a slash. */
function orphansOf(namespace: string): string {
  return `orphans/${namespace}`;
}
