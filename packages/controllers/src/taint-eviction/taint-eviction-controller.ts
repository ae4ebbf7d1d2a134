import { deepEqual, formatTime, nameOf, namespaceOf } from '@keelson/api';
import { Node, Pod, type Taint } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  keyText,
  namespacedName,
  type Delta,
  type EventRecorder,
  type Informer,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
  type Source,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { evictionTime } from './eviction-time.ts';

const BY_NODE = 'spec.nodeName';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
}

/** Deletes pods that do not tolerate a NoExecute taint of their node, or not any longer. Keys are pods. */
class TaintEviction implements Reconciler {
  readonly #dependencies: Dependencies;
  /** Pods that were told to go at some time. */
  readonly #condemned = new Set<string>();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { clock, pods, nodes } = this.#dependencies;
    const pod = pods.get(key.name, key.namespace);
    if (!pod || isGoing(pod)) {
      this.#condemned.delete(keyText(key));
      return {};
    }
    const node = nodes.get(pod.spec?.nodeName ?? '');
    const atMs = node && evictionTime(pod, node.spec?.taints ?? []);
    if (atMs === undefined) this.#pardon(pod, key);
    else if (atMs > clock.now()) {
      this.#condemned.add(keyText(key));
      return { requeueAfterMs: atMs - clock.now() };
    } else await this.#evict(pod, key);
    return {};
  }

  #pardon(pod: Pod, key: NamespacedName): void {
    if (!this.#condemned.delete(keyText(key))) return;
    this.#dependencies.events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${keyText(key)}`);
  }

  async #evict(pod: Pod, key: NamespacedName): Promise<void> {
    const { client, events } = this.#dependencies;
    events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyText(key)}`);
    this.#condemned.delete(keyText(key));
    const { uid } = pod.metadata ?? {};
    try {
      await this.#noteDisruption(pod);
      await client.resource(Pod).delete(key, uid === undefined ? {} : { preconditions: { uid } });
    } catch (error) {
      // It is gone, or there is another one of its name.
      if (!isReason(error, 'NotFound', 'Conflict', 'Invalid')) throw error;
    }
  }

  /** Says why the pod is deleted, so that a Job does not count it as a failure of its own. */
  async #noteDisruption(pod: Pod): Promise<void> {
    const { client, clock } = this.#dependencies;
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      lastTransitionTime: formatTime(clock.now()),
    };
    const patch = { metadata: { uid: pod.metadata?.uid }, status: { conditions: [condition] } };
    await client.resource(Pod).patchStatus({ name: nameOf(pod), namespace: namespaceOf(pod) }, 'strategic', patch);
  }
}

/** `taint-eviction-controller`. */
export const taintEvictionController: ControllerFactory = (context) => {
  const { client, clock, events, informers } = context;
  const [pods, nodes] = [informers.for(Pod), informers.for(Node)];
  return reconcilingController(
    context,
    {
      name: 'taint-eviction-controller',
      reconciler: new TaintEviction({ client, clock, events, pods, nodes }),
      sources: [podsOnTaintedNodes(pods, nodes), changesOfTaints(pods, nodes)],
    },
    { concurrency: 8 },
  );
};

function podsOnTaintedNodes(pods: Informer<Pod>, nodes: Informer<Node>): Source {
  return fromInformer(pods, undefined, (delta) => {
    if (delta.type === 'updated' && isSameForTaints(delta.old, delta.object)) return false;
    const node = nodes.get(delta.object.spec?.nodeName ?? '');
    return node !== undefined && noExecuteTaints(node).length > 0;
  });
}

function isSameForTaints(old: Pod, pod: Pod): boolean {
  return (
    old.spec?.nodeName === pod.spec?.nodeName &&
    isGoing(old) === isGoing(pod) &&
    deepEqual(old.spec?.tolerations, pod.spec?.tolerations)
  );
}

function changesOfTaints(pods: Informer<Pod>, nodes: Informer<Node>): Source {
  pods.addIndexer(BY_NODE, ({ spec }) => (spec?.nodeName ? [spec.nodeName] : []));
  return fromInformer(nodes, (node) => pods.byIndex(BY_NODE, nameOf(node)).map(namespacedName), haveTaintsChanged);
}

function haveTaintsChanged(delta: Delta<Node>): boolean {
  if (delta.type === 'added') return noExecuteTaints(delta.object).length > 0;
  return delta.type === 'updated' && !deepEqual(noExecuteTaints(delta.old), noExecuteTaints(delta.object));
}

function noExecuteTaints({ spec }: Node): readonly Taint[] {
  return spec?.taints?.filter(({ effect }) => effect === 'NoExecute') ?? [];
}

function isGoing({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}
