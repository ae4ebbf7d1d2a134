import { nameOf, namespaceOf, uidOf } from '@keelson/api';
import type { StatefulSet } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import { errorMessage, isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder } from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';
import type { UnseenWrites } from '../unseen-writes.ts';
import type { ClaimWriter } from './claim-writer.ts';
import { ordinalOf } from './ordinals.ts';
import { revisionFor, type Revisions } from './revisions.ts';
import { identityLabels, statefulPod } from './stateful-pod.ts';

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly claims: ClaimWriter;
  /** Of pods, by the uid of the set. */
  readonly unseen: UnseenWrites;
}

/** Makes, keeps and deletes the pods of StatefulSets, each with its claims. */
export class StatefulPodWriter {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** False if it cannot be made yet: claims of the pod that had the name before are still going. */
  async create(set: StatefulSet, ordinal: number, revisions: Revisions): Promise<boolean> {
    const { claims } = this.#dependencies;
    const { revision, template } = revisionFor(set, ordinal, revisions);
    const pod = statefulPod(set, template, { ordinal, revision });
    if (claims.areLeftOver(set, pod, ordinal)) return false;
    await this.#tell(set, pod, 'create', async () => {
      await claims.create(set, pod, ordinal);
      await this.#create(set, pod);
    });
    return true;
  }

  /** Gives the pod what belongs to its name, if someone has taken that away. */
  async keep(set: StatefulSet, pod: Pod): Promise<void> {
    const ordinal = ordinalOf(set, pod);
    await this.#dependencies.claims.keep(set, pod, ordinal);
    const labels = identityLabels(set, ordinal);
    if (Object.entries(labels).every(([key, value]) => pod.metadata?.labels?.[key] === value)) return;
    await this.#tell(set, pod, 'update', async () => {
      const patch = { metadata: { uid: uidOf(pod), labels } };
      await this.#dependencies.client.resource(Pod).patch(where(pod), 'merge', patch);
    });
  }

  async delete(set: StatefulSet, pod: Pod): Promise<void> {
    await this.#tell(set, pod, 'delete', async () => {
      const preconditions = { uid: uidOf(pod) };
      await this.#dependencies.client.resource(Pod).delete(where(pod), { preconditions });
    });
  }

  async #create(set: StatefulSet, pod: Pod): Promise<void> {
    const { client, unseen } = this.#dependencies;
    unseen.note(uidOf(set), await client.resource(Pod).create(pod));
  }

  async #tell(set: StatefulSet, pod: Pod, verb: 'create' | 'update' | 'delete', act: () => Promise<void>): Promise<void> {
    const { events } = this.#dependencies;
    const what = `${verb} Pod ${nameOf(pod)} in StatefulSet ${nameOf(set)}`;
    const reason = { create: 'Create', update: 'Update', delete: 'Delete' }[verb];
    try {
      await act();
    } catch (error) {
      // NotFound, Conflict: the pod is gone, or another one has its name by now.
      if (verb !== 'create' && isReason(error, 'NotFound', 'Conflict')) return;
      if (!isNamespaceTerminating(error))
        events.event(set, 'Warning', `Failed${reason}`, `${what} failed error: ${errorMessage(error)}`);
      throw error;
    }
    events.event(set, 'Normal', `Successful${reason}`, `${what} successful`);
  }
}

function where(pod: Pod): { readonly name: string; readonly namespace: string } {
  return { name: nameOf(pod), namespace: namespaceOf(pod) };
}
