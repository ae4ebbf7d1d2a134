import type { Node, Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { Clock } from '@keelson/base';
import type { Delta, Informer } from '@keelson/controller-runtime';
import { Observable, Subscription } from 'rxjs';
import { SnapshotMap } from './snapshot-map.ts';
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
  #options: ServiceMapOptions;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #ports = new Map<string, readonly ServicePort[]>();
  readonly #dirty = new Set<string>();
  #map = SnapshotMap.empty<ServicePort>();

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

  /** Of all nodes only this one's zone is of interest. */
  nodeChanged(delta: Delta<Node>): void {
    if (delta.object.metadata?.name !== this.#options.nodeName) return;
    const zone = delta.type === 'deleted' ? undefined : delta.object.metadata.labels?.[ZONE_LABEL];
    if (zone === this.#options.zone) return;
    this.#options = { ...this.#options, zone };
    for (const key of this.#services.keys()) this.#dirty.add(key);
  }

  /** The map of now: the same one as before if nothing changed in it. */
  build(): ServiceMap {
    const changes = [...this.#dirty].flatMap((key) => this.#rebuild(key));
    this.#dirty.clear();
    if (changes.length > 0) this.#map = this.#map.with(changes);
    return this.#map;
  }

  /** What is different of one Service. */
  #rebuild(key: string): readonly [string, ServicePort | undefined][] {
    const before = this.#ports.get(key) ?? [];
    const service = this.#services.get(key);
    const slices = [...(this.#slices.get(key)?.values() ?? [])];
    const after = service ? servicePortsOf(service, slices, this.#options).map((port) => keepIfSame(before, port)) : [];
    if (after.length > 0) this.#ports.set(key, after);
    else this.#ports.delete(key);
    const gone = before.filter((port) => !after.some((one) => one.key === port.key));
    const changed = after.filter((port) => !before.includes(port));
    return [
      ...gone.map((port): [string, undefined] => [port.key, undefined]),
      ...changed.map((port): [string, ServicePort] => [port.key, port]),
    ];
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

const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** What of an informer the map needs. */
export type DeltaSource<T extends Service | EndpointSlice | Node> = Pick<Informer<T>, 'deltas$' | 'whenSynced'>;

export interface ServiceMapSources {
  readonly services: DeltaSource<Service>;
  readonly endpointSlices: DeltaSource<EndpointSlice>;
  /** For the zone of this node. Without them it is that of the options. */
  readonly nodes?: DeltaSource<Node> | undefined;
  readonly clock: Clock;
  /** Hears of each change of a Service or EndpointSlice after the first map. */
  readonly observer?: ChangeObserver;
}

export interface ChangeObserver {
  serviceChanged(): void;
  /** `triggeredAtMs` is when the pod or Service changed that the slice was written for, as far as it says. */
  endpointsChanged(triggeredAtMs: number | undefined): void;
}

/**
 * The service map and each change of it. The first one comes when the informers are synced; then at most one every `coalesceMs`
 * (default 10), that long after the first change that it holds, and none if nothing came of it. Each subscriber has a map of its own.
 * Completes when an informer stops; errors only if one cannot sync.
 */
export function serviceMaps$(
  sources: ServiceMapSources,
  options: ServiceMapOptions & { readonly coalesceMs?: number },
): Observable<ServiceMap> {
  return new Observable((subscriber) => {
    const { services, endpointSlices, nodes, clock, observer } = sources;
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
    const follow = <T>(apply: (delta: Delta<T>) => void, observe?: (delta: Delta<T>) => void) => ({
      next: (deltas: readonly Delta<T>[]) => {
        deltas.forEach(apply);
        if (synced && observe) deltas.forEach(observe);
        if (synced) timer ??= clock.after(coalesceMs, emit);
      },
      error: (error: unknown) => subscriber.error(error),
      complete: () => subscriber.complete(),
    });
    const subscription = new Subscription(() => {
      abort.abort();
      timer?.[Symbol.dispose]();
    });
    subscription.add(
      services.deltas$.subscribe(
        follow<Service>(
          (delta) => builder.serviceChanged(delta),
          () => observer?.serviceChanged(),
        ),
      ),
    );
    subscription.add(
      endpointSlices.deltas$.subscribe(
        follow<EndpointSlice>(
          (delta) => builder.sliceChanged(delta),
          (delta) => observer?.endpointsChanged(triggerOf(delta)),
        ),
      ),
    );
    if (nodes) subscription.add(nodes.deltas$.subscribe(follow<Node>((delta) => builder.nodeChanged(delta))));
    Promise.all([services, endpointSlices, ...(nodes ? [nodes] : [])].map((one) => one.whenSynced(abort.signal))).then(
      () => {
        synced = true;
        if (!abort.signal.aborted) emit();
      },
      (error: unknown) => !abort.signal.aborted && subscriber.error(error),
    );
    return subscription;
  });
}

/** The controllers note on each slice that they write when the first change happened that it is about. */
const TRIGGER_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

function triggerOf(delta: Delta<EndpointSlice>): number | undefined {
  if (delta.type === 'deleted') return undefined;
  const trigger = delta.object.metadata?.annotations?.[TRIGGER_ANNOTATION];
  const before = delta.type === 'updated' ? delta.old.metadata?.annotations?.[TRIGGER_ANNOTATION] : undefined;
  const atMs = trigger === undefined || trigger === before ? Number.NaN : Date.parse(trigger);
  return Number.isNaN(atMs) ? undefined : atMs;
}
