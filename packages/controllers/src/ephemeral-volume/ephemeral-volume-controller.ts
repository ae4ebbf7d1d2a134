import { apiVersionOf, nameOf, namespaceOf, uidOf } from '@keelson/api';
import { PersistentVolumeClaim, Pod } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  keyText,
  type EventRecorder,
  type Lister,
  type NamespacedName,
  type Reconciler,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const NAME = 'ephemeral-volume-controller';
const CONCURRENCY = 5;

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly pods: Lister<Pod>;
  readonly claims: Lister<PersistentVolumeClaim>;
}

type Volume = NonNullable<NonNullable<Pod['spec']>['volumes']>[number];

/** Makes the claims of volumes that come and go with their pod. */
class EphemeralVolumes implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<void> {
    const pod = this.#dependencies.pods.getByKey(keyText(key));
    if (!pod || pod.metadata?.deletionTimestamp !== undefined) return;
    for (const volume of ephemeralVolumes(pod)) await this.#ensure(pod, volume);
  }

  async #ensure(pod: Pod, volume: Volume): Promise<void> {
    const { client, claims } = this.#dependencies;
    const name = claimNameOf(pod, volume);
    const namespace = namespaceOf(pod);
    try {
      const known = claims.get(name, namespace) ?? (await this.#create(pod, volume));
      this.#check(pod, known);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      // The cache does not show it yet.
      if (!isReason(error, 'AlreadyExists')) throw error;
      const current = await client.resource(PersistentVolumeClaim).find({ name, namespace });
      if (current) this.#check(pod, current);
    }
  }

  async #create(pod: Pod, volume: Volume): Promise<PersistentVolumeClaim> {
    const { client, events } = this.#dependencies;
    const template = volume.ephemeral?.volumeClaimTemplate;
    const owner = { apiVersion: apiVersionOf(Pod), kind: 'Pod', name: nameOf(pod), uid: uidOf(pod) };
    const metadata = {
      ...(template?.metadata?.annotations && { annotations: template.metadata.annotations }),
      ...(template?.metadata?.labels && { labels: template.metadata.labels }),
      name: claimNameOf(pod, volume),
      namespace: namespaceOf(pod),
      ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
    };
    try {
      return await client.resource(PersistentVolumeClaim).create({ metadata, ...(template && { spec: template.spec }) });
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) {
        const why = error instanceof Error ? error.message : String(error);
        events.event(pod, 'Warning', 'FailedBinding', `ephemeral volume controller: create PVC ${metadata.name}: ${why}`);
      }
      throw error;
    }
  }

  /** A claim of that name that is somebody else's must not become the pod's. */
  #check(pod: Pod, claim: PersistentVolumeClaim): void {
    const isOwn = claim.metadata?.ownerReferences?.some(({ controller, uid }) => controller === true && uid === uidOf(pod));
    if (isOwn) return;
    const where = `${namespaceOf(claim)}/${nameOf(claim)}`;
    const message = `PVC ${where} was not created for pod ${namespaceOf(pod)}/${nameOf(pod)} (pod is not owner)`;
    this.#dependencies.events.event(pod, 'Warning', 'FailedBinding', `ephemeral volume controller: ${message}`);
    throw new Error(message);
  }
}

function ephemeralVolumes({ spec }: Pod): readonly Volume[] {
  return (spec?.volumes ?? []).filter(({ ephemeral }) => ephemeral !== undefined);
}

function claimNameOf(pod: Pod, { name }: Volume): string {
  return `${nameOf(pod)}-${name}`;
}

/** `ephemeral-volume-controller`: claims for generic ephemeral volumes. The garbage collector deletes them after their pod. */
export const ephemeralVolumeController: ControllerFactory = (context) => {
  const { client, events, informers } = context;
  const pods = informers.for(Pod);
  const claims = informers.for(PersistentVolumeClaim);
  const isUser = (pod: Pod): boolean => pod.metadata?.deletionTimestamp === undefined && ephemeralVolumes(pod).length > 0;
  const podsOf = ({ metadata }: PersistentVolumeClaim): readonly NamespacedName[] =>
    (metadata?.ownerReferences ?? [])
      .filter(({ kind, controller }) => kind === 'Pod' && controller === true)
      .map(({ name }) => ({ name, namespace: metadata?.namespace ?? '' }));
  const sources = [
    fromInformer(pods, undefined, ({ type, object }) => type === 'added' && isUser(object)),
    fromInformer(claims, podsOf, ({ type }) => type === 'deleted'),
  ];
  const reconciler = new EphemeralVolumes({ client, events, pods, claims });
  return reconcilingController(context, { name: NAME, reconciler, sources }, { concurrency: CONCURRENCY });
};
