import { metadataTransport } from '@keelson/controller-runtime';
import { deepEqual, nameOf, namespaceOf, uidOf, type KubernetesObject } from '@keelson/api';
import type { OwnerReference } from '@keelson/api/meta/v1';
import { isReason, KeelsonError } from '@keelson/base';
import { createClient, type Client, type DeleteOptions, type ObjectName } from '@keelson/client';
import type { ServedResource } from '../discovery/served-resources.ts';
import type { GraphNode } from './graph-node.ts';

/** How often a change is tried on an object that others change too. */
const MAX_TRIES = 4;

type Metadata = NonNullable<KubernetesObject['metadata']>;

/** What of an object's metadata the collector changes. */
export interface MetadataChange {
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

/** Reads and writes objects of any kind, by their metadata. Each write says which object in which state it means. */
export class ObjectAccess {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = createClient(metadataTransport(client.transport));
  }

  /**
   * The object as the server has it now. `undefined` only if the server knows the kind and says that there is none of this name: that a path
   * is unknown, as it is when a CRD has just gone, says nothing about objects.
   */
  async live(resource: ServedResource, name: ObjectName, signal: AbortSignal): Promise<KubernetesObject | undefined> {
    try {
      return await this.#client.resource(resource).get(name, { signal });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
      if (error.details?.name === name.name) return undefined;
      throw new KeelsonError('ServiceUnavailable', `Cannot look for "${resource.resource}": ${error.message}`, { cause: error });
    }
  }

  /** False if the object is not what was decided upon any more, so that it is to be looked at again. */
  async delete(node: GraphNode, propagationPolicy: Propagation, signal: AbortSignal): Promise<boolean> {
    const found = observed(node);
    if (!found) return true;
    if (await this.#tryDelete(found, propagationPolicy, signal)) return true;
    const live = await this.live(found.resource, where(found.object), signal);
    if (!live || live.metadata?.uid !== uidOf(found.object)) return true;
    if (!isSameForUs(live, found.object)) return false;
    return this.#tryDelete({ ...found, object: live }, propagationPolicy, signal);
  }

  /** Changes the metadata of an object that is still the same one; `change` gives nothing if there is nothing to do. */
  async change(node: GraphNode, change: (metadata: Metadata) => MetadataChange | undefined, signal: AbortSignal): Promise<void> {
    const found = observed(node);
    if (!found) return;
    const { resource } = found;
    let object: KubernetesObject | undefined = found.object;
    for (let tries = 1; object?.metadata?.uid === uidOf(found.object); tries += 1) {
      const wanted = change(object.metadata);
      if (!wanted) return;
      const metadata = { resourceVersion: object.metadata.resourceVersion, uid: object.metadata.uid, ...wanted };
      try {
        await this.#client.resource(resource).patch(where(object), 'merge', { metadata }, { signal });
        return;
      } catch (error) {
        if (isReason(error, 'NotFound')) return;
        if (!isReason(error, 'Conflict') || tries >= MAX_TRIES) throw error;
      }
      object = await this.live(resource, where(object), signal);
    }
  }

  /** False if the object has changed. That it is gone is as good as deleting it. */
  async #tryDelete({ resource, object }: Observed, propagationPolicy: Propagation, signal: AbortSignal): Promise<boolean> {
    const { uid, resourceVersion } = object.metadata ?? {};
    const preconditions = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
    try {
      await this.#client.resource(resource).delete(where(object), { propagationPolicy, preconditions, signal });
      return true;
    } catch (error) {
      if (isReason(error, 'NotFound')) return true;
      if (isReason(error, 'Conflict')) return false;
      throw error;
    }
  }
}

type Propagation = NonNullable<DeleteOptions['propagationPolicy']>;

interface Observed {
  readonly resource: ServedResource;
  readonly object: KubernetesObject;
}

function observed({ resource, object }: GraphNode): Observed | undefined {
  return resource && object && { resource, object };
}

function where(object: KubernetesObject): ObjectName {
  return { name: nameOf(object), namespace: namespaceOf(object) || undefined };
}

function isSameForUs(a: KubernetesObject, b: KubernetesObject): boolean {
  const facts = ({ metadata }: KubernetesObject) => [
    metadata?.ownerReferences ?? [],
    metadata?.finalizers ?? [],
    metadata?.deletionTimestamp,
  ];
  return deepEqual(facts(a), facts(b));
}
