import { deepEqual, namespaceOf, uidOf, type KubernetesObject } from '@keelson/api';
import type { OwnerReference } from '@keelson/api/meta/v1';
import type { ServedResource } from '../discovery/served-resources.ts';
import { AbsentOwners } from './absent-owners.ts';
import {
  GraphNode,
  identityOf,
  identityOfOwner,
  identityText,
  isDeletingDependents,
  isMeant,
  isOrphaning,
  sameIdentity,
  type Identity,
} from './graph-node.ts';

export interface GraphListener {
  /** The object may have to be deleted, or something about its deletion is to be done. */
  examine(uid: string): void;
  /** An owner that nobody has seen: does it exist? */
  verify(uid: string, delayMs?: number): void;
  /** The object names an owner that is in a namespace where it cannot mean it. */
  invalidNamespace(dependent: GraphNode, owner: Identity): void;
}

/** Before the next of several identities under which an owner is named is tried. */
const NEXT_IDENTITY_MS = 1_000;

/**
 * Who owns whom, kept up to date by what informers see. It tells its listener which objects to look at; nothing is deleted on its word
 * alone.
 *
 * Example: pod p names set s as its owner, and is seen first. s becomes a node without an object and is to be verified. If s is seen, that
 * is all. If the server says that there is no s, `confirmAbsent` drops it, and p is to be examined. If s is deleted later, p is as well.
 */
export class DependencyGraph {
  readonly absentOwners = new AbsentOwners();
  readonly #nodes = new Map<string, GraphNode>();
  readonly #listener: GraphListener;

  constructor(listener: GraphListener) {
    this.#listener = listener;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** Has the listener look at an object. */
  examine(uid: string): void {
    this.#listener.examine(uid);
  }

  /** The object is there, in this state. */
  observe(resource: ServedResource, object: KubernetesObject): void {
    const uid = uidOf(object);
    const node = this.#nodes.get(uid) ?? new GraphNode(identityOf(resource, object));
    this.#nodes.set(uid, node);
    const before = node.object;
    if (!before) this.#identify(node, identityOf(resource, object));
    node.resource = resource;
    node.object = object;
    this.#changeOwners(node, before?.metadata?.ownerReferences ?? []);
    this.#noteTransitions(node, before);
  }

  /** The object is deleted. */
  remove(object: KubernetesObject): void {
    const node = this.#nodes.get(uidOf(object));
    if (node) this.#drop(node, node.identity);
  }

  /** The server says that no object of this identity exists. Others may name the same uid under another identity. */
  confirmAbsent(identity: Identity): void {
    const node = this.#nodes.get(identity.uid);
    if (!node) return;
    const { meaning, others } = partition(node, identity);
    if (!node.object && others.length === 0) {
      this.#drop(node, identity);
      return;
    }
    if (node.object && sameIdentity(node.identity, identity)) {
      this.#drop(node, identity);
      return;
    }
    if (meaning.length > 0) this.absentOwners.add(identity);
    for (const dependent of meaning) this.#listener.examine(dependent.uid);
    if (!node.object) this.#tryOtherIdentity(node, others, identity);
  }

  /** Nobody watches the kind of the object any more: nothing is known about it from now on. */
  forget(object: KubernetesObject): void {
    const node = this.#nodes.get(uidOf(object));
    if (!node) return;
    this.#leaveOwners(node, node.owners);
    node.object = undefined;
    node.resource = undefined;
    if (node.dependents.size === 0) this.#nodes.delete(node.uid);
    else this.#listener.verify(node.uid);
  }

  /** An owner that was known by hearsay only is seen. Who has named it under another identity has named no one. */
  #identify(node: GraphNode, identity: Identity): void {
    for (const dependent of partition(node, identity).others) {
      this.#reportNamespace(dependent, identity);
      this.#listener.examine(dependent.uid);
    }
    node.identity = identity;
  }

  #changeOwners(node: GraphNode, before: readonly OwnerReference[]): void {
    const { owners } = node;
    if (owners === before) return;
    const added = owners.filter(({ uid }) => !before.some((old) => old.uid === uid));
    const removed = before.filter(({ uid }) => !owners.some((now) => now.uid === uid));
    const changed = before.filter((old) => owners.some((now) => now.uid === old.uid && !deepEqual(now, old)));
    for (const old of [...removed, ...changed]) this.#noteUnblocked(old, owners);
    this.#leaveOwners(node, removed);
    if (this.#joinOwners(node, added) || changed.length > 0) this.#listener.examine(node.uid);
  }

  /** An owner that waited for this dependent need not any more. */
  #noteUnblocked(old: OwnerReference, now: readonly OwnerReference[]): void {
    const stillBlocks = now.some(({ uid, blockOwnerDeletion }) => uid === old.uid && blockOwnerDeletion === true);
    if (old.blockOwnerDeletion === true && !stillBlocks && this.#nodes.has(old.uid)) this.#listener.examine(old.uid);
  }

  /** True if one of the references may name something that does not exist. */
  #joinOwners(node: GraphNode, references: readonly OwnerReference[]): boolean {
    const { namespace } = node.identity;
    let isSuspicious = false;
    for (const reference of references) {
      const known = this.#nodes.get(reference.uid);
      const owner = known ?? new GraphNode(identityOfOwner(reference, namespace));
      owner.addDependent(node);
      if (!known) {
        this.#nodes.set(reference.uid, owner);
        this.#listener.verify(reference.uid);
      } else if (!isMeant(owner.identity, reference, namespace)) {
        isSuspicious = true;
        if (owner.object) this.#reportNamespace(node, owner.identity);
      }
    }
    return isSuspicious;
  }

  #leaveOwners(node: GraphNode, references: readonly OwnerReference[]): void {
    for (const { uid } of references) {
      const owner = this.#nodes.get(uid);
      if (!owner) continue;
      owner.removeDependent(node);
      if (!owner.object && owner.dependents.size === 0) this.#nodes.delete(uid);
    }
  }

  #noteTransitions(node: GraphNode, before: KubernetesObject | undefined): void {
    if (node.isOrphaning && !isOrphaning(before)) this.#listener.examine(node.uid);
    if (!node.isDeletingDependents || isDeletingDependents(before)) return;
    for (const dependent of node.dependents) this.#listener.examine(dependent.uid);
    this.#listener.examine(node.uid);
  }

  #drop(node: GraphNode, identity: Identity): void {
    this.#nodes.delete(node.uid);
    const { owners } = node;
    if (node.dependents.size > 0) this.absentOwners.add(identity);
    for (const dependent of node.dependents) this.#listener.examine(dependent.uid);
    this.#leaveOwners(node, owners);
    for (const { uid } of owners) if (this.#nodes.get(uid)?.isDeletingDependents) this.#listener.examine(uid);
  }

  #tryOtherIdentity(node: GraphNode, dependents: readonly GraphNode[], absent: Identity): void {
    if (!sameIdentity(node.identity, absent)) return;
    const next = otherIdentity(node.uid, dependents, absent);
    if (!next) return;
    node.identity = next;
    this.#listener.verify(node.uid, NEXT_IDENTITY_MS);
  }

  #reportNamespace(dependent: GraphNode, owner: Identity): void {
    const isWrong = owner.namespace !== '' && owner.namespace !== dependent.identity.namespace;
    if (isWrong) this.#listener.invalidNamespace(dependent, owner);
  }
}

/** The dependents that name an owner by this identity, and those that name it by another. */
function partition(owner: GraphNode, identity: Identity): { readonly meaning: GraphNode[]; readonly others: GraphNode[] } {
  const [meaning, others]: [GraphNode[], GraphNode[]] = [[], []];
  for (const dependent of owner.dependents) {
    const references = dependent.owners.filter(({ uid }) => uid === identity.uid);
    const namespace = dependent.object ? namespaceOf(dependent.object) : '';
    const matches = references.filter((reference) => isMeant(identity, reference, namespace));
    if (matches.length > 0) meaning.push(dependent);
    if (matches.length < references.length) others.push(dependent);
  }
  return { meaning, others };
}

/** The next one after `absent` in a fixed order, so that each has its turn. */
function otherIdentity(uid: string, dependents: readonly GraphNode[], absent: Identity): Identity | undefined {
  const byText = new Map<string, Identity>();
  for (const { owners, identity } of dependents) {
    for (const reference of owners) {
      if (reference.uid !== uid) continue;
      const named = identityOfOwner(reference, identity.namespace);
      if (!sameIdentity(named, absent)) byText.set(identityText(named), named);
    }
  }
  const texts = [...byText.keys()].sort();
  const next = texts.find((text) => text > identityText(absent)) ?? texts[0];
  return next === undefined ? undefined : byText.get(next);
}
