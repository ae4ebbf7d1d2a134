import { keyOf, parseLabelSelector, type KubernetesObject } from '@keelson/api';
import type { ApiCall, ApiResponse, Transport } from '@keelson/client';
import type { Informer } from './informer.ts';
import type { InformerFactory } from './informer-factory.ts';
import { isOlder } from './resource-version.ts';

interface Resource {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

interface Target extends Resource {
  /** As caches know the object; empty for a whole collection. */
  readonly key: string;
}

/** A write that caches may not show yet. */
type OwnWrite =
  | { readonly target: Target; readonly type: 'written'; readonly object: KubernetesObject }
  | { readonly target: Target; readonly type: 'deleted'; readonly uid: string | undefined };

/**
 * Remembers what was written through its transport, and waits until caches show it. So a reconciler that reads from caches sees at its next
 * run what it wrote at its last one, and does not do the same again.
 */
export class WriteFence {
  readonly transport: Transport;
  readonly #informers: InformerFactory;
  readonly #writes = new Map<string, OwnWrite>();

  constructor(transport: Transport, informers: InformerFactory) {
    this.#informers = informers;
    this.transport = {
      ...bound(transport),
      request: async (call) => {
        const response = await transport.request(call);
        this.#note(call, response);
        return response;
      },
    };
  }

  /** Whether everything that was written is in the caches that would hold it, as far as anybody can tell. */
  get isSettled(): boolean {
    for (const [id, write] of this.#writes) if (this.#shown(write)) this.#writes.delete(id);
    return this.#writes.size === 0;
  }

  /** Resolves when all writes are settled. */
  async settled(signal: AbortSignal): Promise<void> {
    for (const [id, write] of this.#writes) {
      for (const informer of this.#informers.of(write.target)) await informer.until(() => isShown(informer, write), signal);
      this.#writes.delete(id);
    }
  }

  /** Waits no more for what was written so far. */
  forget(): void {
    this.#writes.clear();
  }

  #note({ method, path, query }: ApiCall, { body }: ApiResponse): void {
    if (method === 'GET' || query?.['dryRun'] !== undefined) return;
    const target = targetOf(path);
    if (!target || this.#informers.of(target).length === 0) return;
    const answer = body as KubernetesObject & { readonly details?: { readonly uid?: string } };
    const isObject = answer.metadata?.uid !== undefined;
    const key = isObject ? keyOf(answer) : target.key;
    // The answer to a write of a subresource may be of another kind; it says nothing of the object.
    if (key === '' || (target.key !== '' && key !== target.key)) return;
    const id = `${target.group}/${target.resource}/${key}`;
    if (method === 'DELETE') this.#add(`${id} deleted`, { target: { ...target, key }, type: 'deleted', uid: uidIn(answer) });
    else if (isObject && isOfResource(answer, target))
      this.#add(id, { target: { ...target, key }, type: 'written', object: answer });
  }

  #add(id: string, write: OwnWrite): void {
    // Behind what it replaces: a deletion is shown only once the creation was.
    this.#writes.delete(id);
    this.#writes.set(id, write);
  }

  #shown(write: OwnWrite): boolean {
    return this.#informers.of(write.target).every((informer) => isShown(informer, write));
  }
}

function isShown(informer: Informer<KubernetesObject>, write: OwnWrite): boolean {
  const cached = informer.getByKey(write.target.key);
  if (write.type === 'deleted') {
    if (!cached || cached.metadata?.deletionTimestamp !== undefined) return true;
    return write.uid !== undefined && cached.metadata?.uid !== write.uid;
  }
  const wanted = write.object.metadata?.resourceVersion;
  if (informer.resourceVersion !== undefined && !isOlder(informer.resourceVersion, wanted)) return true;
  if (cached && !isOlder(cached.metadata?.resourceVersion, wanted)) return true;
  return !holds(informer, write.object);
}

/** Whether an informer would hold an object at all; if that cannot be told, no: nobody shall wait for what may never come. */
function holds({ selection }: Informer<KubernetesObject>, { metadata }: KubernetesObject): boolean {
  const { namespace, labelSelector, fieldSelector } = selection;
  if (namespace !== undefined && namespace !== metadata?.namespace) return false;
  if (fieldSelector !== undefined) return false;
  return labelSelector === undefined || parseLabelSelector(labelSelector).matches(metadata?.labels ?? {});
}

function uidIn(answer: KubernetesObject & { readonly details?: { readonly uid?: string } }): string | undefined {
  return answer.metadata?.uid ?? answer.details?.uid;
}

function isOfResource({ apiVersion }: KubernetesObject, { group, version }: Target): boolean {
  return apiVersion === (group === '' ? version : `${group}/${version}`);
}

const PATH = /^\/(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?/;

function targetOf(path: string): Target | undefined {
  const found = PATH.exec(path);
  if (!found) return undefined;
  const [, core, group = '', version = core ?? '', namespace, resource = '', name] = found;
  const key = name === undefined ? '' : decodeURIComponent(namespace === undefined ? name : `${namespace}/${name}`);
  return { group, version, resource, key };
}

function bound(transport: Transport): Transport {
  return {
    request: (call) => transport.request(call),
    watch: (call) => transport.watch(call),
    stream: (call) => transport.stream(call),
    upgrade: (call, protocols) => transport.upgrade(call, protocols),
    close: () => transport.close(),
  };
}
