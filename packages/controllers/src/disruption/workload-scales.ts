import { apiVersionOf, controllerOf, uidOf, type Kind, type KubernetesObject } from '@keelson/api';
import { Deployment, ReplicaSet, StatefulSet } from '@keelson/api/apps/v1';
import type { Scale } from '@keelson/api/autoscaling/v1';
import { ReplicationController } from '@keelson/api/core/v1';
import type { OwnerReference } from '@keelson/api/meta/v1';
import { isReason, KeelsonError, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { InformerFactory, Lister } from '@keelson/controller-runtime';
import { ServedKinds } from '../discovery/served-kinds.ts';
import type { ServedResource } from '../discovery/served-resources.ts';

/** How many pods a workload wants. */
export interface WorkloadScale {
  readonly uid: string;
  readonly replicas: number;
}

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly informers: InformerFactory;
}

type Replicated = KubernetesObject & { readonly spec?: { readonly replicas?: number | undefined } | undefined };

/** Finds how many pods the controllers of pods want: built-in ones in caches, others by their `/scale`. */
export class WorkloadScales {
  readonly #client: Client;
  readonly #builtin: ReadonlyMap<string, Lister<Replicated>>;
  readonly #deployments: Lister<Deployment>;
  readonly #kinds: ServedKinds;

  constructor({ client, clock, informers }: Dependencies) {
    this.#client = client;
    this.#kinds = new ServedKinds({ client, clock });
    this.#deployments = informers.for(Deployment);
    this.#builtin = new Map<string, Lister<Replicated>>([
      [nameOfKind(ReplicaSet), informers.for(ReplicaSet)],
      [nameOfKind(StatefulSet), informers.for(StatefulSet)],
      [nameOfKind(ReplicationController), informers.for(ReplicationController)],
    ]);
  }

  /** Of the workload that a pod's controller belongs to; `undefined` if that is gone. Throws if it has no scale. */
  async of(controller: OwnerReference, namespace: string): Promise<WorkloadScale | undefined> {
    const lister = this.#builtin.get(`${controller.apiVersion} ${controller.kind}`);
    if (!lister) return this.#bySubresource(controller, namespace);
    const found = lister.get(controller.name, namespace);
    if (found?.metadata?.uid !== controller.uid || !found) return undefined;
    const owner = controllerOf(found);
    if (owner?.kind !== Deployment.kind || owner.apiVersion !== apiVersionOf(Deployment)) return scaleOf(found);
    // While a Deployment rolls, all its ReplicaSets are one workload.
    const deployment = this.#deployments.get(owner.name, namespace);
    return deployment?.metadata?.uid === owner.uid && deployment ? scaleOf(deployment) : undefined;
  }

  async #bySubresource({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): Promise<WorkloadScale | undefined> {
    const resource = await this.#kinds.find(apiVersion, kind);
    if (!resource) throw new KeelsonError('NotFound', `no matches for kind "${kind}" in version "${apiVersion}"`);
    const objects = this.#client.resource(resource);
    try {
      // The server answers with this kind for every resource.
      const scale = (await objects.subresource({ name, namespace }, { subresource: 'scale', method: 'GET' })) as Scale;
      return scale.metadata?.uid === uid ? { uid, replicas: scale.spec?.replicas ?? 0 } : undefined;
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
      if (await this.#hasScales(resource)) return undefined;
      const what = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;
      throw new KeelsonError('NotFound', `${what} does not implement the scale subresource`, { cause: error });
    }
  }

  /** Whether objects of this kind have a scale, by what the server says that it serves. */
  async #hasScales(resource: ServedResource): Promise<boolean> {
    const path = `${resource.group === '' ? '/api' : '/apis'}/${apiVersionOf(resource)}`;
    const { body } = await this.#client.transport.request({ method: 'GET', path });
    const { resources = [] } = body as { readonly resources?: readonly { readonly name: string }[] };
    return resources.some(({ name }) => name === `${resource.resource}/scale`);
  }
}

function scaleOf(object: Replicated): WorkloadScale {
  return { uid: uidOf(object), replicas: object.spec?.replicas ?? 1 };
}

function nameOfKind(kind: Pick<Kind, 'group' | 'version' | 'kind'>): string {
  return `${apiVersionOf(kind)} ${kind.kind}`;
}
