import type { KubernetesObject } from '@keelson/api';
import type { Service, ServiceSpec } from '@keelson/api/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from '@keelson/api/discovery/v1';
import type { Delta } from '@keelson/controller-runtime';
import { ReplaySubject } from 'rxjs';

export function service(name: string, spec: ServiceSpec, annotations: Record<string, string> = {}): Service {
  return { metadata: { name, namespace: 'default', annotations }, spec };
}

export interface SliceParts {
  readonly endpoints: readonly Endpoint[];
  readonly ports?: readonly EndpointPort[];
  readonly addressType?: string;
}

/** A slice of the Service of that name. */
export function slice(of: string, { endpoints, ports = [], addressType = 'IPv4' }: SliceParts, name = `${of}-1`): EndpointSlice {
  return {
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
    addressType,
    endpoints: [...endpoints],
    ports: [...ports],
  };
}

/** Deltas pushed by hand. */
export class ManualSource<T extends KubernetesObject> {
  readonly deltas$ = new ReplaySubject<readonly Delta<T>[]>();
  readonly #synced = Promise.withResolvers<void>();

  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  sync(...objects: readonly T[]): void {
    this.deltas$.next(objects.map((object) => ({ type: 'added', object, initial: true })));
    this.#synced.resolve();
  }

  add(object: T): void {
    this.deltas$.next([{ type: 'added', object, initial: false }]);
  }

  update(old: T, object: T): void {
    this.deltas$.next([{ type: 'updated', old, object }]);
  }

  delete(object: T): void {
    this.deltas$.next([{ type: 'deleted', object }]);
  }
}
