import { controllerReference, nameOf, namespaceOf, uidOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Pod, type PodTemplateSpec } from '@keelson/api/core/v1';
import { errorMessage, isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder } from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  /** Of the owners. */
  readonly ownerKind: Kind;
}

/** The longest name that an object can have. */
const MAX_NAME = 253;

/** Makes and deletes the pods of an owner, and tells of it by events of the owner. */
export class PodControl {
  readonly #client: Client;
  readonly #events: EventRecorder;
  readonly #ownerKind: Kind;

  constructor({ client, events, ownerKind }: Dependencies) {
    this.#client = client;
    this.#events = events;
    this.#ownerKind = ownerKind;
  }

  /** The server chooses the name. It begins with `prefix`, or with the name of the owner. */
  async create(owner: KubernetesObject, template: PodTemplateSpec, prefix?: string): Promise<Pod> {
    const pod = podOf(owner, this.#ownerKind, template);
    return this.createAs(owner, prefix === undefined ? pod : { ...pod, metadata: { ...pod.metadata, generateName: prefix } });
  }

  /** Creates a pod exactly as it is given. */
  async createAs(owner: KubernetesObject, pod: Pod): Promise<Pod> {
    try {
      const created = await this.#client.resource(Pod).create(pod);
      this.#events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(created)}`);
      return created;
    } catch (error) {
      // In a namespace that is going away nothing can be created any more, nor could this be told.
      if (!isNamespaceTerminating(error))
        this.#events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${errorMessage(error)}`);
      throw error;
    }
  }

  /** True if this call has begun the deletion; false if the pod was gone already. */
  async delete(owner: KubernetesObject, pod: Pod): Promise<boolean> {
    try {
      const preconditions = { uid: uidOf(pod) };
      await this.#client.resource(Pod).delete({ name: nameOf(pod), namespace: namespaceOf(pod) }, { preconditions });
    } catch (error) {
      // Conflict: another pod has the name by now.
      if (isReason(error, 'NotFound', 'Conflict')) return false;
      this.#events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${errorMessage(error)}`);
      throw error;
    }
    this.#events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
    return true;
  }
}

/** A pod as the template of `owner` describes it, with a name that the server chooses. */
export function podOf(owner: KubernetesObject, ownerKind: Kind, template: PodTemplateSpec): Pod {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  const prefix = `${nameOf(owner)}-`;
  return structuredClone({
    metadata: {
      generateName: prefix.length <= MAX_NAME ? prefix : nameOf(owner),
      namespace: namespaceOf(owner),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ownerReferences: [controllerReference(owner, ownerKind)],
    },
    ...(template.spec && { spec: template.spec }),
  });
}
