import { apiVersionOf, nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import { map, type Observable } from 'rxjs';
import type {
  Client,
  DeleteOptions,
  ListOptions,
  ObjectList,
  ObjectName,
  PatchType,
  ResourceClient,
  SubresourceCall,
  WatchOptions,
  WriteOptions,
} from './client.ts';
import type { ApiCall, Transport, WatchEvent } from './transport.ts';

const PATCH_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A client over any transport. */
export function createClient(transport: Transport): Client {
  return { transport, resource: (kind) => new KindClient(transport, kind) };
}

type Query = NonNullable<ApiCall['query']>;

class KindClient<T extends KubernetesObject> implements ResourceClient<T> {
  readonly #transport: Transport;
  readonly #kind: Kind<T>;

  constructor(transport: Transport, kind: Kind<T>) {
    this.#transport = transport;
    this.#kind = kind;
  }

  async get(name: ObjectName, options: { readonly resourceVersion?: string; readonly signal?: AbortSignal } = {}): Promise<T> {
    const { signal, ...query } = options;
    return this.#send({ method: 'GET', path: this.#path(name), query, ...(signal && { signal }) });
  }

  async find(name: ObjectName, options?: { readonly signal?: AbortSignal }): Promise<T | undefined> {
    try {
      return await this.get(name, options);
    } catch (error) {
      if (isReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async list({ namespace, signal, ...query }: ListOptions = {}): Promise<ObjectList<T>> {
    const { body } = await this.#transport.request({
      method: 'GET',
      path: this.#collection(namespace),
      query,
      ...(signal && { signal }),
    });
    const list = body as { items?: readonly T[] | null; metadata: ObjectList<T>['metadata'] };
    return { items: (list.items ?? []).map((item) => this.#typed(item)), metadata: list.metadata };
  }

  watch({ namespace, signal, ...options }: WatchOptions = {}): Observable<readonly WatchEvent<T>[]> {
    const query = { ...options, watch: true };
    const events$ = this.#transport.watch({ method: 'GET', path: this.#collection(namespace), query, ...(signal && { signal }) });
    // The server answers objects of the kind that the path names.
    return events$.pipe(map((events) => events as readonly WatchEvent<T>[]));
  }

  create(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write(
      { method: 'POST', path: this.#collection(namespaceOf(object) || undefined), body: this.#typed(object) },
      options,
    );
  }

  update(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write({ method: 'PUT', path: this.#path(nameIn(object)), body: this.#typed(object) }, options);
  }

  patch(
    name: ObjectName,
    type: PatchType,
    patch: unknown,
    options: WriteOptions & { readonly force?: boolean } = {},
  ): Promise<T> {
    return this.#write({ method: 'PATCH', path: this.#path(name), body: patch, contentType: PATCH_TYPES[type] }, options);
  }

  async delete(name: ObjectName, options: DeleteOptions = {}): Promise<void> {
    await this.#delete(this.#path(name), {}, options);
  }

  async deleteCollection({ namespace, signal: _signal, ...query }: ListOptions = {}, options: DeleteOptions = {}): Promise<void> {
    await this.#delete(this.#collection(namespace), query, options);
  }

  updateStatus(object: T, options: WriteOptions = {}): Promise<T> {
    return this.#write({ method: 'PUT', path: `${this.#path(nameIn(object))}/status`, body: this.#typed(object) }, options);
  }

  patchStatus(
    name: ObjectName,
    type: PatchType,
    patch: unknown,
    options: WriteOptions & { readonly force?: boolean } = {},
  ): Promise<T> {
    return this.#write(
      { method: 'PATCH', path: `${this.#path(name)}/status`, body: patch, contentType: PATCH_TYPES[type] },
      options,
    );
  }

  async subresource(name: ObjectName, call: SubresourceCall): Promise<unknown> {
    const { subresource, method, body, patchType, signal, ...options } = call;
    const { body: answer } = await this.#transport.request({
      method,
      path: `${this.#path(name)}/${subresource}`,
      query: queryOf(options),
      ...(body !== undefined && { body }),
      ...(patchType && { contentType: PATCH_TYPES[patchType] }),
      ...(signal && { signal }),
    });
    return answer;
  }

  #collection(namespace: string | undefined): string {
    const root = this.#kind.group === '' ? '/api' : '/apis';
    const scope = this.#kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
    return `${root}/${apiVersionOf(this.#kind)}${scope}/${this.#kind.resource}`;
  }

  #path({ name, namespace }: ObjectName): string {
    return `${this.#collection(namespace)}/${encodeURIComponent(name)}`;
  }

  /** Items of lists and objects made by hand may lack what the path says anyway. */
  #typed(object: T): T {
    if (object.kind !== undefined && object.apiVersion !== undefined) return object;
    return { ...object, apiVersion: apiVersionOf(this.#kind), kind: this.#kind.kind };
  }

  #write(call: ApiCall, { signal, ...options }: WriteOptions & { readonly force?: boolean }): Promise<T> {
    return this.#send({ ...call, query: queryOf(options), ...(signal && { signal }) });
  }

  async #send(call: ApiCall): Promise<T> {
    return (await this.#transport.request(call)).body as T;
  }

  async #delete(path: string, query: Query, { signal, dryRun, ...options }: DeleteOptions): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options, ...(dryRun && { dryRun: ['All'] }) };
    await this.#transport.request({ method: 'DELETE', path, query, body, ...(signal && { signal }) });
  }
}

function nameIn(object: KubernetesObject): ObjectName {
  return { name: nameOf(object), namespace: namespaceOf(object) || undefined };
}

function queryOf({
  dryRun,
  ...rest
}: {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: string;
  readonly force?: boolean;
}): Query {
  return { ...rest, ...(dryRun && { dryRun: 'All' }) };
}
