import { controllerOf, nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import type { Clock } from '@keelson/base';
import type { Observable } from 'rxjs';
import type { Delta, Informer } from './informer.ts';
import { LOW_PRIORITY } from './work-queue.ts';

/** `namespace` is empty for cluster-scoped objects. */
export interface NamespacedName {
  readonly namespace: string;
  readonly name: string;
}

export type Enqueue = (key: NamespacedName, options?: { readonly delayMs?: number; readonly priority?: number }) => void;

/** Where a controller's keys come from. */
export interface Source {
  /** Calls `enqueue` for keys until the handle is disposed. */
  subscribe(enqueue: Enqueue): Disposable;
  /** Resolves when a controller may begin; it begins when all its sources are. */
  whenSynced(signal?: AbortSignal): Promise<void>;
}

/** `namespace/name`, or `name` for cluster-scoped objects: what `Lister.getByKey` takes. */
export function keyText({ namespace, name }: NamespacedName): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

export function namespacedName(object: KubernetesObject): NamespacedName {
  return { namespace: namespaceOf(object), name: nameOf(object) };
}

/**
 * The key of each object that changes; or the keys that `map` makes of it, of an update those of the old state also. `predicate` says which
 * changes count at all.
 */
export function fromInformer<T extends KubernetesObject>(
  informer: Informer<T>,
  map: (object: T, delta: Delta<T>) => readonly NamespacedName[] = (object) => [namespacedName(object)],
  predicate: (delta: Delta<T>) => boolean = () => true,
): Source {
  return {
    whenSynced: (signal) => informer.whenSynced(signal),
    subscribe: (enqueue) => {
      const subscription = informer.deltas$.subscribe((deltas) => {
        for (const delta of deltas) {
          if (!predicate(delta)) continue;
          const options = delta.type === 'added' && delta.initial ? { priority: LOW_PRIORITY } : undefined;
          if (delta.type === 'updated') for (const key of map(delta.old, delta)) enqueue(key, options);
          for (const key of map(delta.object, delta)) enqueue(key, options);
        }
      });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
  };
}

/** The key of the object of kind `owner` that controls what changes. The version does not count: it may have been another when it was written. */
export function ownedBy<T extends KubernetesObject>(informer: Informer<T>, owner: Kind): Source {
  return fromInformer(informer, (object) => {
    const reference = controllerOf(object);
    if (!reference || reference.kind !== owner.kind || groupOf(reference.apiVersion) !== owner.group) return [];
    return [{ namespace: owner.namespaced ? namespaceOf(object) : '', name: reference.name }];
  });
}

function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}

/** The keys that `keys$` emits: from a webhook, a queue, a file... Its errors are given to `onError`, and end it. */
export function fromObservable(keys$: Observable<NamespacedName>, onError: (error: unknown) => void): Source {
  return {
    whenSynced: () => Promise.resolve(),
    subscribe: (enqueue) => {
      const subscription = keys$.subscribe({ next: (key) => enqueue(key), error: onError });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
  };
}

/** Keys at once and then every `periodMs`, for what no event tells of. */
export function everyMs(clock: Clock, periodMs: number, keys: () => readonly NamespacedName[]): Source {
  return {
    whenSynced: () => Promise.resolve(),
    subscribe: (enqueue) => {
      const tick = (): void => {
        for (const key of keys()) enqueue(key);
      };
      tick();
      return clock.every(periodMs, tick);
    },
  };
}
