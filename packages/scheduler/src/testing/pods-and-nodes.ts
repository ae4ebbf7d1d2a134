import { applyStrategicMergePatch, notFound, type KubernetesObject } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';
import type { ApiCall, ApiResponse, Transport, WatchEvent } from '@keelson/client';
import { Observable, type Subscriber } from 'rxjs';

/** Just enough of an API for a scheduler: pods, nodes and namespaces, bindings and status patches. */
export class PodsAndNodes implements Transport {
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #watchers = new Map<string, Set<Subscriber<readonly WatchEvent[]>>>();
  readonly bindings: string[] = [];
  /** Thrown by the next bindings, one each. */
  readonly bindingFailures: unknown[] = [];
  #revision = 1;

  put(resource: 'pods' | 'nodes' | 'namespaces', object: KubernetesObject): void {
    const key = `${resource}/${object.metadata?.namespace ?? ''}/${object.metadata?.name}`;
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED';
    this.#revision += 1;
    const stored = { ...object, metadata: { uid: key, ...object.metadata, resourceVersion: String(this.#revision) } };
    this.#objects.set(key, stored);
    this.#tell(resource, { type, object: stored });
  }

  remove(resource: 'pods' | 'nodes', name: string, namespace = ''): void {
    const key = `${resource}/${namespace}/${name}`;
    const object = this.#objects.get(key);
    this.#objects.delete(key);
    if (object) this.#tell(resource, { type: 'DELETED', object });
  }

  pod(name: string): Pod {
    // Only pods are put under this key.
    return (this.#objects.get(`pods/default/${name}`) ?? {}) as Pod;
  }

  async request({ method, path, body }: ApiCall): Promise<ApiResponse> {
    const [, , , , namespace = '', resource = '', name = '', subresource] = path.split('/');
    if (method === 'GET')
      return answer({ items: this.#all(path.split('/').at(-1) ?? ''), metadata: { resourceVersion: String(this.#revision) } });
    const pod = this.#objects.get(`${resource}/${namespace}/${name}`);
    if (!pod) throw notFound({ group: '', resource }, name);
    if (subresource === 'binding') this.#bind(pod, body as { target: { name: string } });
    else this.put('pods', applyStrategicMergePatch(pod, body, 'core.v1.Pod') as KubernetesObject);
    return answer({});
  }

  watch({ path, query, signal }: ApiCall): Observable<readonly WatchEvent[]> {
    const resource = path.split('/').at(-1) ?? '';
    return new Observable((subscriber) => {
      if (query?.['sendInitialEvents']) {
        subscriber.error(new KeelsonError('Invalid', 'sendInitialEvents is forbidden for watch'));
        return;
      }
      const watchers = this.#watchers.get(resource) ?? new Set();
      this.#watchers.set(resource, watchers.add(subscriber));
      signal?.addEventListener('abort', () => subscriber.complete());
      subscriber.add(() => watchers.delete(subscriber));
    });
  }

  stream(): Promise<never> {
    return Promise.reject(new Error('not here'));
  }

  upgrade(): Promise<never> {
    return Promise.reject(new Error('not here'));
  }

  async close(): Promise<void> {
    for (const watchers of this.#watchers.values()) for (const watcher of Array.from(watchers)) watcher.complete();
  }

  #bind(pod: KubernetesObject, { target }: { readonly target: { readonly name: string } }): void {
    const failure = this.bindingFailures.shift();
    if (failure !== undefined) throw failure;
    this.bindings.push(`${pod.metadata?.name} → ${target.name}`);
    this.put('pods', applyStrategicMergePatch(pod, { spec: { nodeName: target.name } }, 'core.v1.Pod') as KubernetesObject);
  }

  #all(resource: string): KubernetesObject[] {
    return [...this.#objects].filter(([key]) => key.startsWith(`${resource}/`)).map(([, object]) => object);
  }

  #tell(resource: string, event: WatchEvent): void {
    for (const watcher of Array.from(this.#watchers.get(resource) ?? [])) watcher.next([event]);
  }
}

function answer(body: unknown): ApiResponse {
  return { status: 200, body, warnings: [] };
}
