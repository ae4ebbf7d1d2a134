import { namespaceOf } from '@keelson/api';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { keyText, type Delta, type Enqueue, type Informer, type NamespacedName, type Source } from '@keelson/controller-runtime';
import { SERVICE_NAME_LABEL } from './plan-service.ts';
import type { SliceTracker } from './slice-tracker.ts';

/** The Services that wait until the cache shows what was written of their slices. */
export type Waiting = Set<string>;

/** The Service whose slice this is; none if its labels do not say. */
export function serviceOfSlice(slice: EndpointSlice): NamespacedName | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? undefined : { namespace: namespaceOf(slice), name };
}

/** Services whose slices others have changed, and those that wait for the cache. Own writes are no news. */
export function changesOfSlices(slices: Informer<EndpointSlice>, tracker: SliceTracker, waiting: Waiting): Source {
  const tell = (delta: Delta<EndpointSlice>, enqueue: Enqueue): void => {
    const key = serviceOfSlice(delta.object);
    if (!key) return;
    const service = keyText(key);
    const isDeleted = delta.type === 'deleted';
    const isOwn = tracker.isOwn(service, delta.object, isDeleted);
    if (isDeleted) tracker.forgetSlice(service, delta.object);
    if (waiting.delete(service) || !isOwn) enqueue(key);
  };
  return {
    whenSynced: (signal) => slices.whenSynced(signal),
    subscribe: (enqueue) => {
      const subscription = slices.deltas$.subscribe((deltas) => {
        for (const delta of deltas) tell(delta, enqueue);
      });
      return { [Symbol.dispose]: () => subscription.unsubscribe() };
    },
  };
}
