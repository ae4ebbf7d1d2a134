import { keyOf, type KubernetesObject } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { ApiCall, Transport, WatchEvent } from '@keelson/client';
import { Observable, type Subscriber } from 'rxjs';

/** An API with one collection, whose failures a test decides: for what a real server cannot be made to do on command. */
export class HandDrivenApi implements Transport {
  readonly objects = new Map<string, KubernetesObject>();
  readonly calls: string[] = [];
  readonly #watchers = new Set<Subscriber<readonly WatchEvent[]>>();
  /** What the server makes of `sendInitialEvents`: does as it is told, refuses it, or has never heard of it. */
  initialEvents: 'sent' | 'refused' | 'unknown' = 'sent';
  /** Thrown by the next calls, one each. */
  readonly failures: unknown[] = [];
  /** Thrown by the next lists that go on from a page. */
  readonly failuresOf: { readonly continue: unknown[] } = { continue: [] };
  /** What watches are told that begin at an earlier version. */
  #history: { readonly revision: number; readonly event: WatchEvent }[] = [];
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
    if (!deaf) this.#record({ type, object });
  }

  delete(name: string, deaf = false): void {
    const object = this.objects.get(`default/${name}`);
    this.objects.delete(`default/${name}`);
    this.#revision += 1;
    if (object && !deaf)
      this.#record({
        type: 'DELETED',
        object: { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } },
      });
  }

  /** As a server whose store was restored from a backup. */
  setBack(revision: number): void {
    this.#revision = revision;
    this.#history = [];
  }

  /** Sends any event again, as a broken server might. */
  repeat(event: WatchEvent): void {
    this.tell([event]);
  }

  /** Sends any events in one piece. */
  tell(events: readonly WatchEvent[]): void {
    for (const watcher of Array.from(this.#watchers)) watcher.next(events);
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
    const lost = query['continue'] === undefined ? undefined : this.failuresOf.continue.shift();
    if (lost !== undefined) throw lost;
    const all = [...this.objects.values()].sort((a, b) => keyOf(a).localeCompare(keyOf(b)));
    const from = Number(query['continue'] ?? 0);
    const pageSize = query['limit'] === undefined ? all.length : 2; // Pages are short, whatever was asked for: servers may do that.
    const items = all.slice(from, from + pageSize);
    const next = from + pageSize < all.length ? { continue: String(from + pageSize) } : {};
    return { status: 200, body: { items, metadata: { resourceVersion: String(this.#revision), ...next } }, warnings: [] };
  }

  watch({ query = {}, signal }: ApiCall): Observable<readonly WatchEvent[]> {
    return new Observable((subscriber) => {
      const isStream = query['sendInitialEvents'] === true;
      this.calls.push(isStream ? 'WATCH all' : `WATCH ${String(query['resourceVersion'])}`);
      try {
        this.#failIfTold();
        if (isStream && this.initialEvents === 'refused') throw new KeelsonError('Invalid', 'sendInitialEvents is forbidden');
      } catch (error) {
        subscriber.error(error);
        return;
      }
      const missed = isStream ? this.#initialEvents() : this.#since(Number(query['resourceVersion']));
      for (const events of missed) subscriber.next(events);
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

  /** In two batches, so that a test can see that the first one alone is not taken for all. */
  #initialEvents(): (readonly WatchEvent[])[] {
    const [first, ...others] = [...this.objects.values()].map((object): WatchEvent => ({ type: 'ADDED', object }));
    const metadata = { resourceVersion: String(this.#revision), annotations: { 'k8s.io/initial-events-end': 'true' } };
    const end: readonly WatchEvent[] = this.initialEvents === 'sent' ? [{ type: 'BOOKMARK', object: { metadata } }] : [];
    return [first ? [first] : [], [...others, ...end]];
  }

  #since(from: number): (readonly WatchEvent[])[] {
    const missed = this.#history.filter(({ revision }) => revision > from).map(({ event }) => event);
    return missed.length > 0 ? [missed] : [];
  }

  #failIfTold(): void {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
  }

  #record(event: WatchEvent): void {
    this.#history.push({ revision: this.#revision, event });
    this.tell([event]);
  }
}
