import type { LookupFunction } from 'node:net';
import type { KubernetesObject } from '@keelson/api';
import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { Clock } from '@keelson/base';
import type { Delta, Informer } from '@keelson/controller-runtime';
import { Subscription } from 'rxjs';
import type { BackendRef } from '../routing/build-routes.ts';
import { Backend } from './backend.ts';
import { resolveBackend } from './endpoints.ts';

export interface BackendsDependencies {
  readonly services: Informer<Service>;
  readonly endpointSlices: Informer<EndpointSlice>;
  readonly clock: Clock;
  /** How names of ExternalNames are resolved; absent if they are not served. */
  readonly lookup?: LookupFunction | undefined;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';
const BY_SERVICE = 'ingress-backends-by-service';

interface Known {
  readonly ref: BackendRef;
  readonly backend: Backend;
  problem: string | undefined;
}

/** The backends that routes lead to, with their endpoints of this moment. A change costs the backends of the Service that it is about. */
export class Backends {
  readonly #deps: BackendsDependencies;
  readonly #byKey = new Map<string, Known>();
  readonly #keysOf = new Map<string, Set<string>>();
  readonly #deltas = new Subscription();

  /** Ask for it before the informers start. */
  constructor(deps: BackendsDependencies) {
    this.#deps = deps;
    deps.endpointSlices.addIndexer(BY_SERVICE, (slice) => [serviceOfSlice(slice)]);
  }

  /** `onProblem` is called when what `problemOf` says may have changed. */
  follow(onProblem: () => void): void {
    const { services, endpointSlices } = this.#deps;
    const changed = (service: string): void => {
      let isNews = false;
      for (const key of this.#keysOf.get(service) ?? []) isNews = this.#resolve(this.#byKey.get(key)) || isNews;
      if (isNews) onProblem();
    };
    this.#deltas.add(services.deltas$.subscribe((deltas) => each(deltas, (service) => changed(nameOf(service)))));
    this.#deltas.add(endpointSlices.deltas$.subscribe((deltas) => each(deltas, (slice) => changed(serviceOfSlice(slice)))));
  }

  stop(): void {
    this.#deltas.unsubscribe();
  }

  get(key: string): Backend | undefined {
    return this.#byKey.get(key)?.backend;
  }

  problemOf(key: string): string | undefined {
    return this.#byKey.get(key)?.problem;
  }

  /** Keeps those that stay, with what they remember. */
  want(refs: ReadonlyMap<string, BackendRef>): void {
    for (const key of this.#byKey.keys()) if (!refs.has(key)) this.#byKey.delete(key);
    this.#keysOf.clear();
    for (const [key, ref] of refs) {
      const service = `${ref.namespace}/${ref.service}`;
      this.#keysOf.set(service, (this.#keysOf.get(service) ?? new Set()).add(key));
      if (this.#byKey.has(key)) continue;
      const known = { ref, backend: new Backend(key, this.#deps.clock), problem: undefined };
      this.#byKey.set(key, known);
      this.#resolve(known);
    }
  }

  /** True if there is another problem than before. */
  #resolve(known: Known | undefined): boolean {
    if (!known) return false;
    const { ref, backend, problem } = known;
    const { services, endpointSlices, lookup } = this.#deps;
    const slices = endpointSlices.byIndex(BY_SERVICE, `${ref.namespace}/${ref.service}`);
    const resolved = resolveBackend(ref, { service: services.get(ref.service, ref.namespace), slices, lookup });
    if ('state' in resolved) backend.update(resolved.state);
    else backend.update({ endpoints: [], protocol: 'http' });
    known.problem = 'problem' in resolved ? resolved.problem : undefined;
    return known.problem !== problem;
  }
}

function each<T extends KubernetesObject>(deltas: readonly Delta<T>[], call: (object: T) => void): void {
  for (const delta of deltas) {
    if (delta.type === 'updated') call(delta.old);
    call(delta.object);
  }
}

function nameOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}

function serviceOfSlice({ metadata }: EndpointSlice): string {
  return `${metadata?.namespace ?? ''}/${metadata?.labels?.[SERVICE_LABEL] ?? ''}`;
}
