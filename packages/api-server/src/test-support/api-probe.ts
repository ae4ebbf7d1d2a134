import type { ApiCall, ApiResponse, Transport, WatchEvent } from '@keelson/client';
import type { Subscription } from 'rxjs';

/** Any object, for tests that look into it. */
export type Loose = ReturnType<typeof JSON.parse>;

/** Short forms of calls to an API, for tests. */
export class ApiProbe {
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async call(method: ApiCall['method'], path: string, call: Omit<ApiCall, 'method' | 'path'> = {}): Promise<ApiResponse> {
    return this.transport.request({ method, path, ...call });
  }

  async get(path: string, query: ApiCall['query'] = {}): Promise<Loose> {
    return (await this.call('GET', path, { query })).body;
  }

  async create(path: string, body: object, query: ApiCall['query'] = {}): Promise<Loose> {
    return (await this.call('POST', path, { body, query })).body;
  }

  async update(path: string, body: object, query: ApiCall['query'] = {}): Promise<Loose> {
    return (await this.call('PUT', path, { body, query })).body;
  }

  async merge(path: string, body: object, query: ApiCall['query'] = {}): Promise<Loose> {
    return (await this.call('PATCH', path, { body, query, contentType: 'application/merge-patch+json' })).body;
  }

  /** Server-side apply. */
  async apply(path: string, body: object, query: ApiCall['query'] = {}): Promise<Loose> {
    return (await this.call('PATCH', path, { body, query, contentType: 'application/apply-patch+yaml' })).body;
  }

  async remove(path: string, body?: object): Promise<Loose> {
    return (await this.call('DELETE', path, body ? { body } : {})).body;
  }

  /** Begins to watch and resolves when the watch is open, so that later changes are seen. */
  async watch(path: string, query: ApiCall['query'] = {}): Promise<EventLog> {
    const log = new EventLog();
    log.subscribe(this.transport, path, query);
    await turn();
    return log;
  }
}

/** What a watch has told so far. */
export class EventLog implements Disposable {
  readonly events: WatchEvent[] = [];
  error: unknown;
  isComplete = false;
  #subscription: Subscription | undefined;

  subscribe(transport: Transport, path: string, query: ApiCall['query']): void {
    this.#subscription = transport.watch({ method: 'GET', path, query: query ?? {} }).subscribe({
      next: (events) => this.events.push(...events),
      error: (error: unknown) => (this.error = error),
      complete: () => (this.isComplete = true),
    });
  }

  /** `ADDED a`, `MODIFIED b`... */
  get lines(): string[] {
    return this.events.map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`.trim());
  }

  /** Resolves when there are so many events. */
  async reach(count: number): Promise<void> {
    for (let tries = 0; this.events.length < count && tries < 200; tries += 1) await turn();
  }

  [Symbol.dispose](): void {
    this.#subscription?.unsubscribe();
  }
}

/** Lets everything that is ready run. */
export async function turn(): Promise<void> {
  for (let times = 0; times < 3; times += 1) await new Promise((resolve) => setImmediate(resolve));
}

export const MAPS = '/api/v1/namespaces/default/configmaps';
export const PODS = '/api/v1/namespaces/default/pods';
export const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

export function configMap(name: string, more: Record<string, unknown> = {}, meta: Record<string, unknown> = {}): Loose {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...meta }, ...more };
}

export function pod(name: string, spec: Record<string, unknown> = {}, meta: Record<string, unknown> = {}): Loose {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...meta },
    spec: { containers: [{ name: 'main', image: 'nginx:1' }], ...spec },
  };
}

export function deployment(name: string, spec: Record<string, unknown> = {}): Loose {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'nginx:1' }] } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: { selector: { matchLabels: labels }, template, ...spec },
  };
}
