import { controllerReference, keyOf, nameOf, namespaceOf, uidOf } from '@keelson/api';
import { Deployment, ReplicaSet, type DeploymentStatus, type ReplicaSetSpec } from '@keelson/api/apps/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder } from '@keelson/controller-runtime';
import {
  copiedAnnotations,
  missingAnnotations,
  revisionAnnotations,
  REVISION,
  sizeAnnotations,
  type Annotations,
} from './annotations.ts';
import { sizeOf } from './replica-sets.ts';
import type { Resize } from './sizing.ts';
import type { UnseenWrites } from '../unseen-writes.ts';
import { HASH_LABEL, isSameTemplate, templateHash, withHash } from './template.ts';

/** The longest name that an object can have. */
const MAX_NAME = 253;

/** What came of the creation of a set. `collision`: a set that is another one has the name. */
export type Creation =
  | { readonly type: 'created' | 'existing'; readonly set: ReplicaSet }
  | { readonly type: 'collision'; readonly name: string };

interface Change {
  readonly annotations: Annotations | undefined;
  readonly spec: Partial<Pick<ReplicaSetSpec, 'replicas' | 'minReadySeconds'>> | undefined;
}

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  /** By the key of the Deployment. */
  readonly unseen: UnseenWrites;
}

/** Creates, resizes, marks and deletes the ReplicaSets of Deployments. Each write fails if the set is no longer the one that was looked at. */
export class ReplicaSetWriter {
  readonly #client: Client;
  readonly #events: EventRecorder;
  readonly #unseen: UnseenWrites;

  constructor({ client, events, unseen }: Dependencies) {
    this.#client = client;
    this.#events = events;
    this.#unseen = unseen;
  }

  /** The name is that of the template, so that whoever creates the set twice gets the same one. */
  async create(deployment: Deployment, wanted: ReplicaSet): Promise<Creation> {
    const name = nameOf(wanted);
    try {
      const set = await this.#client.resource(ReplicaSet).create(wanted);
      this.#unseen.note(keyOf(deployment), set);
      if (sizeOf(set) > 0) this.#tellScaled(deployment, set, 0);
      return { type: 'created', set };
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) throw error;
      // The cache may not show it yet, so the server is asked.
      const set = await this.#client.resource(ReplicaSet).get({ name, namespace: namespaceOf(deployment) });
      const owner = set.metadata?.ownerReferences?.find(({ controller }) => controller === true);
      const isOurs = owner?.uid === uidOf(deployment) && isSameTemplate(set.spec?.template, deployment.spec?.template);
      if (!isOurs) return { type: 'collision', name };
      this.#unseen.note(keyOf(deployment), set);
      return { type: 'existing', set };
    }
  }

  /** The set as it is then. Nothing is written if it has the size, and remembers that of the Deployment. */
  async resize(deployment: Deployment, { set, size }: Resize): Promise<ReplicaSet> {
    const annotations = missingAnnotations(set, sizeAnnotations(deployment));
    const before = sizeOf(set);
    if (size === before && !annotations) return set;
    const resized = await this.#patch(deployment, set, { annotations, spec: size === before ? undefined : { replicas: size } });
    if (size !== before) this.#tellScaled(deployment, resized, before);
    return resized;
  }

  /** Makes the set show what the Deployment says beyond its template. */
  async mark(deployment: Deployment, set: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const annotations = missingAnnotations(set, { ...copiedAnnotations(deployment), ...revisionAnnotations(set, revision) });
    const minReadySeconds = deployment.spec?.minReadySeconds ?? 0;
    const isReadiness = (set.spec?.minReadySeconds ?? 0) !== minReadySeconds;
    if (!annotations && !isReadiness) return set;
    return this.#patch(deployment, set, { annotations, spec: isReadiness ? { minReadySeconds } : undefined });
  }

  async delete(set: ReplicaSet): Promise<void> {
    const { uid, resourceVersion } = set.metadata ?? {};
    const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) };
    try {
      await this.#client.resource(ReplicaSet).delete({ name: nameOf(set), namespace: namespaceOf(set) }, { preconditions });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  async #patch(deployment: Deployment, set: ReplicaSet, { annotations, spec }: Change): Promise<ReplicaSet> {
    const { uid, resourceVersion } = set.metadata ?? {};
    const patched = await this.#client.resource(ReplicaSet).patch({ name: nameOf(set), namespace: namespaceOf(set) }, 'merge', {
      metadata: { uid, resourceVersion, ...(annotations && { annotations }) },
      ...(spec && { spec }),
    });
    this.#unseen.note(keyOf(deployment), patched);
    return patched;
  }

  #tellScaled(deployment: Deployment, set: ReplicaSet, before: number): void {
    const direction = sizeOf(set) > before ? 'up' : 'down';
    const message = `Scaled ${direction} replica set ${nameOf(set)} from ${before} to ${sizeOf(set)}`;
    this.#events.event(deployment, 'Normal', 'ScalingReplicaSet', message);
  }
}

/** The ReplicaSet that a Deployment needs for its template. */
export function replicaSetOf(
  deployment: Deployment,
  {
    collisionCount,
    revision,
    size,
  }: Pick<DeploymentStatus, 'collisionCount'> & { readonly revision: bigint; readonly size: number },
): ReplicaSet {
  const { template = {}, selector, minReadySeconds } = deployment.spec ?? {};
  const hash = templateHash(template, collisionCount);
  const hashed = withHash(template, hash);
  const prefix = nameOf(deployment).slice(0, MAX_NAME - hash.length - 1);
  return structuredClone({
    metadata: {
      name: `${prefix}-${hash}`,
      namespace: namespaceOf(deployment),
      labels: hashed.metadata?.labels,
      annotations: { ...copiedAnnotations(deployment), ...sizeAnnotations(deployment), [REVISION]: String(revision) },
      ownerReferences: [controllerReference(deployment, Deployment)],
    },
    spec: {
      replicas: size,
      ...(minReadySeconds !== undefined && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector?.matchLabels, [HASH_LABEL]: hash } },
      template: hashed,
    },
  });
}
