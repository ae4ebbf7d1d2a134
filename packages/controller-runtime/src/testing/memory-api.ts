import { alreadyExists, applyMergePatch, applyStrategicMergePatch, conflict, deepFreeze, notFound } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { ApiCall, ApiResponse, Transport, WatchEvent } from '@keelson/client';
import { Observable, type Subscriber } from 'rxjs';

interface Stored {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: Readonly<Record<string, unknown>> & {
    readonly name: string;
    readonly resourceVersion: string;
    readonly finalizers?: readonly string[];
  };
}

interface Target {
  readonly collection: string;
  readonly resource: string;
  readonly name: string | undefined;
}

/** Objects of any kind in memory, with versions and conflicts: as much of an API as helpers that write need. */
export class MemoryApi implements Transport {
  /** By path. */
  readonly objects = new Map<string, Stored>();
  /** `METHOD path` of each call. */
  readonly calls: string[] = [];
  /** Throws, or waits, in place of the server. */
  intercept: (call: ApiCall) => unknown = () => undefined;
  readonly #watchers = new Map<string, Set<Subscriber<readonly WatchEvent[]>>>();
  #revision = 0;

  async request(call: ApiCall): Promise<ApiResponse> {
    this.calls.push(`${call.method} ${call.path}`);
    await this.intercept(call);
    call.signal?.throwIfAborted();
    return { status: 200, body: this.#answer(call), warnings: [] };
  }

  watch({ path, query, signal }: ApiCall): Observable<readonly WatchEvent[]> {
    return new Observable((subscriber) => {
      if (query?.['sendInitialEvents']) {
        subscriber.error(new KeelsonError('Invalid', 'sendInitialEvents is forbidden for watch'));
        return;
      }
      const watchers = this.#watchers.get(path) ?? new Set();
      this.#watchers.set(path, watchers.add(subscriber));
      signal?.addEventListener('abort', () => subscriber.complete());
      subscriber.add(() => watchers.delete(subscriber));
    });
  }

  stream(): Promise<never> {
    return Promise.reject(new KeelsonError('MethodNotAllowed', 'no streams here'));
  }

  upgrade(): Promise<never> {
    return Promise.reject(new KeelsonError('MethodNotAllowed', 'no upgrades here'));
  }

  async close(): Promise<void> {}

  #answer(call: ApiCall): unknown {
    const target = targetOf(call.path);
    if (call.method === 'POST') return this.#create(target, call.body as Stored);
    if (target.name === undefined) return this.#list(target);
    const path = `${target.collection}/${target.name}`;
    const known = this.objects.get(path);
    if (!known) throw notFound({ group: '', resource: target.resource }, target.name);
    if (call.method === 'GET') return known;
    if (call.method === 'DELETE') return this.#delete(path, known);
    return this.#replace(path, known, call);
  }

  #list({ collection }: Target): unknown {
    const items = [...this.objects].filter(([path]) => collectionsOf(path).includes(collection)).map(([, object]) => object);
    return { items, metadata: { resourceVersion: String(this.#revision) } };
  }

  #create({ collection, resource }: Target, body: Stored): Stored {
    const path = `${collection}/${body.metadata.name}`;
    if (this.objects.has(path)) throw alreadyExists({ group: '', resource }, body.metadata.name);
    return this.#put(path, { ...body, metadata: { uid: `uid-${this.#revision + 1}`, ...body.metadata } });
  }

  #replace(path: string, known: Stored, { method, body, contentType }: ApiCall): Stored {
    const next = (
      method === 'PUT'
        ? body
        : contentType === 'application/merge-patch+json'
          ? applyMergePatch(known, body)
          : applyStrategicMergePatch(known, body, 'core.v1.Pod')
    ) as Stored;
    const { resource, name = '' } = targetOf(path);
    if (next.metadata['uid'] !== known.metadata['uid']) throw new KeelsonError('Invalid', 'metadata.uid: field is immutable');
    const wanted = next.metadata.resourceVersion;
    if (wanted !== undefined && wanted !== known.metadata.resourceVersion) throw conflict({ group: '', resource }, name);
    if (next.metadata['deletionTimestamp'] !== undefined && (next.metadata.finalizers ?? []).length === 0)
      return this.#remove(path, next);
    return this.#put(path, next);
  }

  #delete(path: string, known: Stored): Stored {
    if ((known.metadata.finalizers ?? []).length === 0) return this.#remove(path, known);
    return this.#put(path, { ...known, metadata: { ...known.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
  }

  #put(path: string, object: Stored): Stored {
    this.#revision += 1;
    const stored = deepFreeze({ ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } });
    const type = this.objects.has(path) ? 'MODIFIED' : 'ADDED';
    this.objects.set(path, stored);
    this.#tell(path, { type, object: stored as never });
    return stored;
  }

  #remove(path: string, object: Stored): Stored {
    this.#revision += 1;
    this.objects.delete(path);
    const last = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
    this.#tell(path, { type: 'DELETED', object: last as never });
    return last;
  }

  #tell(path: string, event: WatchEvent): void {
    for (const each of collectionsOf(path)) {
      for (const watcher of Array.from(this.#watchers.get(each) ?? [])) watcher.next([event]);
    }
  }
}

/** `/api/v1/namespaces/a/pods/web/status` is the object `web` in the collection `/api/v1/namespaces/a/pods`. */
function targetOf(path: string): Target {
  const found = /^(\/api\/[^/]+|\/apis\/[^/]+\/[^/]+)(\/namespaces\/[^/]+(?=\/))?\/([^/]+)(?:\/([^/]+))?/.exec(path);
  const [, root = '', namespace = '', resource = '', name] = found ?? [];
  return { collection: `${root}${namespace}/${resource}`, resource, name };
}

/** The collection of an object, and that of its kind in all namespaces. */
function collectionsOf(path: string): readonly string[] {
  const { collection } = targetOf(path);
  const everywhere = collection.replace(/\/namespaces\/[^/]+(?=\/)/, '');
  return everywhere === collection ? [collection] : [collection, everywhere];
}
