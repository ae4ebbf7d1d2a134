import type { KubernetesObject } from '@keelson/api';
import type { OwnerReference } from '@keelson/api/meta/v1';
import { KeelsonError } from '@keelson/base';
import type { NamespacedName, ReconcileContext, Reconciler, ReconcileResult } from '@keelson/controller-runtime';
import type { DependencyGraph } from './dependency-graph.ts';
import { FOREGROUND_FINALIZER, identityOfOwner, isDeletingDependents, ORPHAN_FINALIZER, type GraphNode } from './graph-node.ts';
import type { Monitors } from './monitors.ts';
import type { ObjectAccess } from './object-access.ts';

/** Namespaces of keys, which tell the two kinds of work apart; names of keys are uids. */
export const EXAMINE = 'examine';
export const VERIFY = 'verify';

/** Dependents that are set free at the same time. */
const ORPHANS_AT_ONCE = 20;

interface Dependencies {
  readonly graph: DependencyGraph;
  readonly monitors: Monitors;
  readonly access: ObjectAccess;
}

/** The owners of an object, by what they mean for it. */
interface Owners {
  /** They are there: the object stays. */
  readonly solid: readonly OwnerReference[];
  readonly dangling: readonly OwnerReference[];
  /** They are there, but only until their dependents are gone. */
  readonly waiting: readonly OwnerReference[];
}

/** Deletes what has lost all its owners, and finishes deletions in the foreground and of orphans. */
export class GarbageCollector implements Reconciler {
  readonly #graph: DependencyGraph;
  readonly #monitors: Monitors;
  readonly #access: ObjectAccess;

  constructor({ graph, monitors, access }: Dependencies) {
    this.#graph = graph;
    this.#monitors = monitors;
    this.#access = access;
  }

  async reconcile({ namespace: work, name: uid }: NamespacedName, { signal }: ReconcileContext): Promise<ReconcileResult> {
    await this.#monitors.whenComplete(signal);
    const node = this.#graph.get(uid);
    if (!node) return {};
    if (!node.object) return this.#verify(node, signal);
    if (work === VERIFY) return {};
    if (node.isOrphaning) return this.#orphan(node, signal);
    if (node.isDeletingDependents) return this.#finishForeground(node, signal);
    if (node.isBeingDeleted || node.owners.length === 0) return {};
    return this.#examine(node, signal);
  }

  /** An owner that no informer has shown: it may be new, of a kind that is not watched, or not there. */
  async #verify(node: GraphNode, signal: AbortSignal): Promise<ReconcileResult> {
    const { identity } = node;
    const resource = this.#kind(identity);
    // What has no namespace cannot be owned by what has one: no look-up could ever answer this.
    if (resource.namespaced && identity.namespace === '') return {};
    if (!resource.namespaced) node.identity = { ...identity, namespace: '' };
    const { name, namespace } = node.identity;
    const live = await this.#access.live(resource, { name, namespace: namespace || undefined }, signal);
    // Also if it is there it may go before an informer has shown it, so it is asked for again.
    if (live?.metadata?.uid === node.uid) return { requeue: true };
    this.#graph.confirmAbsent(node.identity);
    return {};
  }

  async #examine(node: GraphNode, signal: AbortSignal): Promise<ReconcileResult> {
    const owners = await this.#classify(node, signal);
    if (!owners) return {};
    const { solid, dangling, waiting } = owners;
    if (solid.length > 0) {
      // Owners that wait for their dependents would wait for this one for ever.
      await this.#dropReferences(node, [...dangling, ...waiting], signal);
      return {};
    }
    if (waiting.length > 0 && node.dependents.size > 0) {
      if ([...node.dependents].some((dependent) => dependent.isDeletingDependents)) await this.#unblock(node, signal);
      return this.#delete(node, 'Foreground', signal);
    }
    return this.#delete(node, policyOf(node.object), signal);
  }

  async #delete(node: GraphNode, policy: Policy, signal: AbortSignal): Promise<ReconcileResult> {
    return (await this.#access.delete(node, policy, signal)) ? {} : { requeue: true };
  }

  /** `undefined` if the object names as its owner what cannot be one. */
  async #classify(node: GraphNode, signal: AbortSignal): Promise<Owners | undefined> {
    const [solid, dangling, waiting]: OwnerReference[][] = [[], [], []];
    for (const reference of node.owners) {
      const owner = await this.#liveOwner(node, reference, signal);
      if (owner === 'impossible') return undefined;
      if (!owner) dangling?.push(reference);
      else if (isDeletingDependents(owner)) waiting?.push(reference);
      else solid?.push(reference);
    }
    return { solid: solid ?? [], dangling: dangling ?? [], waiting: waiting ?? [] };
  }

  async #liveOwner(
    node: GraphNode,
    reference: OwnerReference,
    signal: AbortSignal,
  ): Promise<KubernetesObject | 'impossible' | undefined> {
    const { absentOwners } = this.#graph;
    const { namespace: here } = node.identity;
    if (absentOwners.has(reference, here)) return undefined;
    const resource = this.#kind(reference);
    if (resource.namespaced && here === '') return 'impossible';
    const namespace = resource.namespaced ? here : '';
    const live = await this.#access.live(resource, { name: reference.name, namespace: namespace || undefined }, signal);
    if (live?.metadata?.uid === reference.uid) return live;
    absentOwners.add(identityOfOwner(reference, namespace));
    return undefined;
  }

  /** Throws if the server offers no such kind, perhaps only just now: objects of it may exist. */
  #kind({ apiVersion, kind }: Pick<OwnerReference, 'apiVersion' | 'kind'>) {
    const resource = this.#monitors.kind(apiVersion, kind);
    if (resource) return resource;
    throw new KeelsonError(
      'ServiceUnavailable',
      `Cannot look for an owner: the server offers no kind "${kind}" in "${apiVersion}"`,
    );
  }

  async #finishForeground(node: GraphNode, signal: AbortSignal): Promise<ReconcileResult> {
    const blocking = node.blockingDependents();
    if (blocking.length === 0) await this.#removeFinalizer(node, FOREGROUND_FINALIZER, signal);
    else for (const dependent of blocking) if (!dependent.isDeletingDependents) this.#graph.examine(dependent.uid);
    return {};
  }

  async #orphan(node: GraphNode, signal: AbortSignal): Promise<ReconcileResult> {
    const dependents = [...node.dependents];
    for (let at = 0; at < dependents.length; at += ORPHANS_AT_ONCE) {
      const some = dependents.slice(at, at + ORPHANS_AT_ONCE);
      const freed = await Promise.allSettled(some.map((dependent) => this.#dropReferences(dependent, [node], signal)));
      const failed = freed.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    }
    await this.#removeFinalizer(node, ORPHAN_FINALIZER, signal);
    return {};
  }

  async #dropReferences(node: GraphNode, dropped: readonly { readonly uid: string }[], signal: AbortSignal): Promise<void> {
    if (dropped.length === 0) return;
    const uids = new Set(dropped.map(({ uid }) => uid));
    await this.#access.change(
      node,
      ({ ownerReferences = [] }) => {
        const kept = ownerReferences.filter(({ uid }) => !uids.has(uid));
        return kept.length === ownerReferences.length ? undefined : { ownerReferences: kept };
      },
      signal,
    );
  }

  /** Two objects that own each other would wait for each other. */
  async #unblock(node: GraphNode, signal: AbortSignal): Promise<void> {
    await this.#access.change(
      node,
      ({ ownerReferences = [] }) => {
        if (!ownerReferences.some(({ blockOwnerDeletion }) => blockOwnerDeletion === true)) return undefined;
        return { ownerReferences: ownerReferences.map((reference) => ({ ...reference, blockOwnerDeletion: false })) };
      },
      signal,
    );
  }

  async #removeFinalizer(node: GraphNode, finalizer: string, signal: AbortSignal): Promise<void> {
    await this.#access.change(
      node,
      ({ finalizers = [] }) =>
        finalizers.includes(finalizer) ? { finalizers: finalizers.filter((each) => each !== finalizer) } : undefined,
      signal,
    );
  }
}

type Policy = 'Background' | 'Foreground' | 'Orphan';

/** An object that was deleted before with a wish for its dependents keeps it. */
function policyOf(object: KubernetesObject | undefined): Policy {
  const finalizers = object?.metadata?.finalizers ?? [];
  if (finalizers.includes(ORPHAN_FINALIZER)) return 'Orphan';
  return finalizers.includes(FOREGROUND_FINALIZER) ? 'Foreground' : 'Background';
}
