import { deepEqual, type KubernetesObject } from '@keelson/api';
import type { Delta } from './informer.ts';

/** Which changes of an object count. */
export type Predicate<T extends KubernetesObject = KubernetesObject> = (delta: Delta<T>) => boolean;

/**
 * Additions, deletions, and updates by which `metadata.generation` grew: the desired state has changed, not the status or a label. For kinds
 * without a generation (ConfigMap, Secret, ServiceAccount...) no update would ever count.
 */
export const generationChanged: Predicate = (delta) =>
  delta.type !== 'updated' || delta.object.metadata?.generation !== delta.old.metadata?.generation;

/** Additions, deletions, and updates that changed a label. */
export const labelsChanged: Predicate = (delta) =>
  delta.type !== 'updated' || !deepEqual(delta.object.metadata?.labels ?? {}, delta.old.metadata?.labels ?? {});

/** Additions, deletions, and updates that changed an annotation. */
export const annotationsChanged: Predicate = (delta) =>
  delta.type !== 'updated' || !deepEqual(delta.object.metadata?.annotations ?? {}, delta.old.metadata?.annotations ?? {});

/** Additions, deletions, and updates that begin or end a deletion, or change finalizers. */
export const deletionChanged: Predicate = (delta) =>
  delta.type !== 'updated' ||
  delta.object.metadata?.deletionTimestamp !== delta.old.metadata?.deletionTimestamp ||
  !deepEqual(delta.object.metadata?.finalizers ?? [], delta.old.metadata?.finalizers ?? []);

export function anyOf<T extends KubernetesObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (delta) => predicates.some((predicate) => predicate(delta));
}

export function allOf<T extends KubernetesObject>(...predicates: readonly Predicate<T>[]): Predicate<T> {
  return (delta) => predicates.every((predicate) => predicate(delta));
}

export function not<T extends KubernetesObject>(predicate: Predicate<T>): Predicate<T> {
  return (delta) => !predicate(delta);
}
