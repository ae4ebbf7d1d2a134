import { controllerReference, nameOf, namespaceOf, uidOf, type KubernetesObject } from '@keelson/api';
import { ControllerRevision } from '@keelson/api/apps/v1';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { ControllerRefManager, stillThere, type Lister } from '@keelson/controller-runtime';
import { ownedOrOrphaned } from '../pod-control/owner-index.ts';
import { matcherOf, type PodOwnerKind } from '../pod-control/pod-owner-kind.ts';
import type { UnseenWrites } from '../unseen-writes.ts';
import { byNumber, revisionOf, standsFor } from './revision-content.ts';

interface Dependencies<T extends KubernetesObject> {
  readonly client: Client;
  readonly owners: PodOwnerKind<T>;
  /** Indexed by controller. */
  readonly revisions: Lister<ControllerRevision>;
  /** Of revisions, by the uid of the owner. */
  readonly unseen: UnseenWrites;
  /** Of a revision, for its hash. */
  readonly hashLabel: string;
}

/** What an owner's template is called. */
export interface CurrentRevision {
  readonly revision: ControllerRevision;
  /** How often another template has had the same hash. */
  readonly collisionCount: number;
}

/** Keeps what a template was, by ControllerRevisions: the newest stands for the template as it is. */
export class RevisionHistory<T extends KubernetesObject> {
  readonly #dependencies: Dependencies<T>;

  constructor(dependencies: Dependencies<T>) {
    this.#dependencies = dependencies;
  }

  /** The owner's revisions, the oldest first. Until the cache shows what was written last, it must not be asked: see `unseenMs`. */
  async list(owner: T): Promise<readonly ControllerRevision[]> {
    const { client, owners, revisions } = this.#dependencies;
    const { kind, selectorOf } = owners;
    const claims = new ControllerRefManager({
      client,
      kind: ControllerRevision,
      controller: owner,
      controllerKind: kind,
    });
    const claimed = await claims.claim(ownedOrOrphaned(revisions, owner), {
      selector: matcherOf(selectorOf(owner)),
      canAdopt: stillThere(client, kind, owner),
    });
    return claimed.toSorted(byNumber);
  }

  /** How long at most to wait for the cache. */
  unseenMs(owner: T): number {
    return this.#dependencies.unseen.waitMs(uidOf(owner));
  }

  /** Finds or creates the revision of the template, and sees to it that it is the newest one. */
  async current(
    owner: T,
    template: PodTemplateSpec,
    { known, collisionCount }: { readonly known: readonly ControllerRevision[]; readonly collisionCount: number },
  ): Promise<CurrentRevision> {
    const last = known.at(-1);
    const same = known.findLast((revision) => standsFor(revision, template));
    const number = (last?.revision ?? 0) + 1;
    if (!same) return this.#create(owner, template, { collisionCount, number });
    if (same === last || same.revision === last?.revision) return { revision: same, collisionCount };
    return { revision: await this.#renumber(owner, same, number), collisionCount };
  }

  /** Deletes the oldest ones that nothing uses, as long as there are more than `limit` of them. */
  async truncate(
    known: readonly ControllerRevision[],
    { used, limit }: { readonly used: ReadonlySet<string>; readonly limit: number },
  ): Promise<void> {
    const unused = known.filter((revision) => !used.has(nameOf(revision)));
    for (const revision of unused.slice(0, Math.max(0, unused.length - limit))) await this.#delete(revision);
  }

  async #create(
    owner: T,
    template: PodTemplateSpec,
    { collisionCount: count, number }: { readonly collisionCount: number; readonly number: number },
  ): Promise<CurrentRevision> {
    const { client, hashLabel, owners, unseen } = this.#dependencies;
    const resource = client.resource(ControllerRevision);
    for (let collisionCount = count; ; collisionCount += 1) {
      const wanted = revisionOf(owner, template, { hashLabel, collisionCount, number });
      const ownerReferences = [controllerReference(owner, owners.kind)];
      try {
        const revision = await resource.create({ ...wanted, metadata: { ...wanted.metadata, ownerReferences } });
        unseen.note(uidOf(owner), revision);
        return { revision, collisionCount };
      } catch (error) {
        if (!isReason(error, 'AlreadyExists')) throw error;
        const revision = await resource.find(nameAndNamespace(wanted));
        if (revision && standsFor(revision, template)) return { revision, collisionCount };
      }
    }
  }

  async #renumber(owner: T, revision: ControllerRevision, number: number): Promise<ControllerRevision> {
    const { client, unseen } = this.#dependencies;
    const { resourceVersion } = revision.metadata ?? {};
    const patch = { metadata: { resourceVersion }, revision: number };
    const written = await client.resource(ControllerRevision).patch(nameAndNamespace(revision), 'merge', patch);
    unseen.note(uidOf(owner), written);
    return written;
  }

  async #delete(revision: ControllerRevision): Promise<void> {
    const preconditions = { uid: uidOf(revision) };
    try {
      await this.#dependencies.client.resource(ControllerRevision).delete(nameAndNamespace(revision), { preconditions });
    } catch (error) {
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

function nameAndNamespace(revision: ControllerRevision): { readonly name: string; readonly namespace: string } {
  return { name: nameOf(revision), namespace: namespaceOf(revision) };
}
