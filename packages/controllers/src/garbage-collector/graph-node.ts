import { apiVersionOf, nameOf, namespaceOf, uidOf, type KubernetesObject } from '@keelson/api';
import type { OwnerReference } from '@keelson/api/meta/v1';
import type { ServedResource } from '../discovery/served-resources.ts';

export const FOREGROUND_FINALIZER = 'foregroundDeletion';
export const ORPHAN_FINALIZER = 'orphan';

/** By what an object is known. `namespace` is empty if it has none. */
export interface Identity {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** An object in the graph of who owns whom; or, without `object`, one that others name as their owner and that nobody has seen yet. */
export class GraphNode {
  identity: Identity;
  /** Where it is served. Set when the object is. */
  resource: ServedResource | undefined;
  /** Its metadata, as last seen. */
  object: KubernetesObject | undefined;
  #dependents: Set<GraphNode> | undefined;

  constructor(identity: Identity) {
    this.identity = identity;
  }

  get uid(): string {
    return this.identity.uid;
  }

  get owners(): readonly OwnerReference[] {
    return this.object?.metadata?.ownerReferences ?? [];
  }

  get dependents(): ReadonlySet<GraphNode> {
    return this.#dependents ?? NONE;
  }

  /** Most objects have no dependents, and need no set for them. */
  addDependent(dependent: GraphNode): void {
    this.#dependents ??= new Set();
    this.#dependents.add(dependent);
  }

  removeDependent(dependent: GraphNode): void {
    this.#dependents?.delete(dependent);
    if (this.#dependents?.size === 0) this.#dependents = undefined;
  }

  get isBeingDeleted(): boolean {
    return isGoing(this.object);
  }

  /** It waits for its dependents to be deleted. */
  get isDeletingDependents(): boolean {
    return isDeletingDependents(this.object);
  }

  /** It waits for its dependents to be set free. */
  get isOrphaning(): boolean {
    return isOrphaning(this.object);
  }

  /** Those that must be gone before this one may go. */
  blockingDependents(): readonly GraphNode[] {
    return [...this.dependents].filter(({ owners }) =>
      owners.some(({ uid, blockOwnerDeletion }) => uid === this.uid && blockOwnerDeletion === true),
    );
  }
}

const NONE: ReadonlySet<GraphNode> = new Set();

function isGoing(object: KubernetesObject | undefined): boolean {
  return object?.metadata?.deletionTimestamp !== undefined;
}

export function isDeletingDependents(object: KubernetesObject | undefined): boolean {
  return isGoing(object) && (object?.metadata?.finalizers?.includes(FOREGROUND_FINALIZER) ?? false);
}

export function isOrphaning(object: KubernetesObject | undefined): boolean {
  return isGoing(object) && (object?.metadata?.finalizers?.includes(ORPHAN_FINALIZER) ?? false);
}

export function identityOf(resource: ServedResource, object: KubernetesObject): Identity {
  const [namespace, name] = [namespaceOf(object), nameOf(object)];
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, namespace, name, uid: uidOf(object) };
}

/** What a reference of an object in `namespace` names, if it is in that namespace. */
export function identityOfOwner({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): Identity {
  return { apiVersion, kind, namespace, name, uid };
}

export function sameIdentity(a: Identity, b: Identity): boolean {
  return (
    a.uid === b.uid && a.name === b.name && a.namespace === b.namespace && a.kind === b.kind && a.apiVersion === b.apiVersion
  );
}

/** True if a reference from `namespace` means this identity: one without a namespace may be meant from anywhere. */
export function isMeant(identity: Identity, reference: OwnerReference, namespace: string): boolean {
  const isReachable = identity.namespace === '' || identity.namespace === namespace;
  return isReachable && sameIdentity(identity, identityOfOwner(reference, identity.namespace));
}

export function identityText({ apiVersion, kind, namespace, name, uid }: Identity): string {
  return `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
}
