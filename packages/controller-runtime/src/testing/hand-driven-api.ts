import { keyOf, type KubernetesObject } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { ApiCall, Transport, WatchEvent } from '@keelson/client';
import { Observable, type Subscriber } from 'rxjs';

/** An API with one collection, whose failures a test decides: for what a real server cannot be made to do on command. */
export class HandDrivenApi implements Transport {
  readonly objects = new Map<string, KubernetesObject>();
  readonly calls: string[] = [];
  readonly #watchers = new Set<Subscriber<readonly WatchEvent[]>>();
  /** Thrown by the next calls, one each. */
  readonly failures: unknown[] = [];
  #revision = 1;

  get watchers(): number {
    return this.#watchers.size;
  }

  /** Changes an object as another client would; watchers are told, unless they are deaf. */
  put(name: string, more: KubernetesObject['metadata'] = {}, deaf = false): void {
    const key = `default/${name}`;
    const type = this.objects.has(key) ? 'MODIFIED' : 'ADDED';
    this.#revision += 1;
    const object = {
      metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: String(this.#revision), ...more },
    };
    this.objects.set(key, object);
    if (!deaf) this.#tell({ type, object });
  }

  delete(name: string, deaf = false): void {
    const object = this.objects.get(`default/${name}`);
    this.objects.delete(`default/${name}`);
    this.#revision += 1;
    if (object && !deaf)
      this.#tell({
        type: 'DELETED',
        object: { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } },
      });
  }

  /** Sends any event again, as a broken server might. */
  repeat(event: WatchEvent): void {
    this.#tell(event);
  }

  endWatches(error?: unknown): void {
    for (const watcher of Array.from(this.#watchers)) {
      if (error === undefined) watcher.complete();
      else watcher.error(error);
    }
  }

  async request({ method, query = {} }: ApiCall): Promise<{ status: number; body: unknown; warnings: readonly string[] }> {
    this.calls.push(`${method} limit=${String(query['limit'])} continue=${String(query['continue'] ?? '')}`);
    this.#failIfTold();
    const all = [...this.objects.values()].sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
    const from = Number(query['continue'] ?? 0);
    const items = all.slice(from, from + 2); // Pages are short, whatever was asked for: servers may do that.
    const next = from + 2 < all.length ? { continue: String(from + 2) } : {};
    return { status: 200, body: { items, metadata: { resourceVersion: String(this.#revision), ...next } }, warnings: [] };
  }

  watch({ query = {}, signal }: ApiCall): Observable<readonly WatchEvent[]> {
    return new Observable((subscriber) => {
      this.calls.push(`WATCH ${String(query['resourceVersion'])}`);
      try {
        this.#failIfTold();
      } catch (error) {
        subscriber.error(error);
        return;
      }
      this.#watchers.add(subscriber);
      signal?.addEventListener('abort', () => subscriber.complete());
      subscriber.add(() => this.#watchers.delete(subscriber));
    });
  }

  stream(): Promise<never> {
    return Promise.reject(new KeelsonError('MethodNotAllowed', 'no streams here'));
  }

  upgrade(): Promise<never> {
    return Promise.reject(new KeelsonError('MethodNotAllowed', 'no upgrades here'));
  }

  async close(): Promise<void> {
    this.endWatches();
  }

  #failIfTold(): void {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  #tell(event: WatchEvent): void {
    for (const watcher of Array.from(this.#watchers)) watcher.next([event]);
  }
}
