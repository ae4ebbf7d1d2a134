import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { Clock } from '@keelson/base';
import type { Delta, Informer } from '@keelson/controller-runtime';
import { Observable, Subscription } from 'rxjs';
import {
  serviceKey,
  serviceKeyOfSlice,
  servicePortsOf,
  type ServiceMap,
  type ServiceMapOptions,
  type ServicePort,
} from './service-map.ts';

/** Keeps a `ServiceMap` up to date. A change costs the work of the services it touches; ports that stay the same stay the same object. */
export class ServiceMapBuilder {
  readonly #options: ServiceMapOptions;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  readonly #dirty = new Set<string>();
  #map: ServiceMap = new Map();

  constructor(options: ServiceMapOptions) {
    this.#options = options;
  }

  serviceChanged(delta: Delta<Service>): void {
    const key = serviceKey(delta.object);
    if (delta.type === 'deleted') this.#services.delete(key);
    else this.#services.set(key, delta.object);
    this.#dirty.add(key);
  }

  sliceChanged(delta: Delta<EndpointSlice>): void {
    // Its label may change, and so the Service it belongs to.
    if (delta.type === 'updated') this.#removeSlice(delta.old);
    if (delta.type === 'deleted') this.#removeSlice(delta.object);
    else this.#addSlice(delta.object);
  }

  /** The map of now: the same one as before if nothing changed in it. */
  build(): ServiceMap {
    let changed = false;
    for (const key of this.#dirty) changed = this.#rebuild(key) || changed;
    this.#dirty.clear();
    if (changed) this.#map = new Map([...this.#ports.values()].flat().map((port) => [port.key, port]));
    return this.#map;
  }

  #rebuild(key: string): boolean {
    const before = this.#ports.get(key) ?? [];
    const service = this.#services.get(key);
    const slices = [...(this.#slices.get(key)?.values() ?? [])];
    const after = service ? servicePortsOf(service, slices, this.#options).map((port) => keepIfSame(before, port)) : [];
    if (after.length > 0) this.#ports.set(key, after);
    else this.#ports.delete(key);
    return after.length !== before.length || after.some((port, index) => port !== before[index]);
  }

  #addSlice(slice: EndpointSlice): void {
    const key = serviceKeyOfSlice(slice);
    if (key === undefined) return;
    const siblings = this.#slices.get(key) ?? new Map<string, EndpointSlice>();
    this.#slices.set(key, siblings.set(slice.metadata?.name ?? '', slice));
    this.#dirty.add(key);
  }

  #removeSlice(slice: EndpointSlice): void {
    const key = serviceKeyOfSlice(slice);
    const siblings = key === undefined ? undefined : this.#slices.get(key);
    if (key === undefined || !siblings?.delete(slice.metadata?.name ?? '')) return;
    if (siblings.size === 0) this.#slices.delete(key);
    this.#dirty.add(key);
  }
}

function keepIfSame(before: readonly ServicePort[], port: ServicePort): ServicePort {
  const old = before.find((one) => one.key === port.key);
  return old && JSON.stringify(old) === JSON.stringify(port) ? old : port;
}

/** What of an informer the map needs. */
export type DeltaSource<T extends Service | EndpointSlice> = Pick<Informer<T>, 'deltas$' | 'whenSynced'>;

export interface ServiceMapSources {
  readonly services: DeltaSource<Service>;
  readonly endpointSlices: DeltaSource<EndpointSlice>;
  readonly clock: Clock;
}

/**
 * The service map and each change of it. The first one comes when both informers are synced; then at most one every `coalesceMs`
 * (default 10), that long after the first change that it holds, and none if nothing came of it. Each subscriber has a map of its own.
 * Completes when an informer stops; errors only if one cannot sync.
 */
export function serviceMaps$(
  sources: ServiceMapSources,
  options: ServiceMapOptions & { readonly coalesceMs?: number },
): Observable<ServiceMap> {
  return new Observable((subscriber) => {
    const { services, endpointSlices, clock } = sources;
    const { coalesceMs = 10 } = options;
    const builder = new ServiceMapBuilder(options);
    const abort = new AbortController();
    let last: ServiceMap | undefined;
    let synced = false;
    let timer: Disposable | undefined;
    const emit = (): void => {
      timer = undefined;
      const map = builder.build();
      if (map !== last) subscriber.next((last = map));
    };
    const follow = <T>(apply: (delta: Delta<T>) => void) => ({
      next: (deltas: readonly Delta<T>[]) => {
        deltas.forEach(apply);
        if (synced) timer ??= clock.after(coalesceMs, emit);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    const subscription = new Subscription(() => {
      abort.abort();
      timer?.[Symbol.dispose]();
    });
    subscription.add(services.deltas$.subscribe(follow<Service>((delta) => builder.serviceChanged(delta))));
    subscription.add(endpointSlices.deltas$.subscribe(follow<EndpointSlice>((delta) => builder.sliceChanged(delta))));
    Promise.all([services.whenSynced(abort.signal), endpointSlices.whenSynced(abort.signal)]).then(
      () => {
        synced = true;
        if (!abort.signal.aborted) emit();
      },
      (error: unknown) => !abort.signal.aborted && subscriber.error(error),
    );
    return subscription;
  });
}
