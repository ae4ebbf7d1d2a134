import type { Service, ServiceSpec } from '@keelson/api/core/v1';
import type { Endpoint, EndpointPort, EndpointSlice } from '@keelson/api/discovery/v1';
import type { KubernetesObject } from '@keelson/api';
import type { Delta } from '@keelson/controller-runtime';
import { Subject } from 'rxjs';

export const NODE = 'node-1';

export function service(name: string, spec: ServiceSpec = {}, labels: Record<string, string> = {}): Service {
  return {
    metadata: { name, namespace: 'default', labels },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.10', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
  };
}

export function slice(
  name: string,
  endpoints: readonly Endpoint[],
  ports: readonly EndpointPort[] = [{ name: 'http', port: 8080, protocol: 'TCP' }],
  of = 'web',
): EndpointSlice {
  return {
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
    addressType: 'IPv4',
    endpoints: [...endpoints],
    ports: [...ports],
  };
}

export function endpoint(address: string, conditions: Endpoint['conditions'] = { ready: true }, nodeName = 'node-2'): Endpoint {
  return { addresses: [address], conditions, nodeName };
}

/** Deltas pushed by hand. */
export class ManualSource<T extends KubernetesObject> {
  readonly deltas$ = new Subject<readonly Delta<T>[]>();
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
