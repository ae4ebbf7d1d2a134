import { findCondition, formatTime, nameOf, namespaceOf } from '@keelson/api';
import { Pod, type Node } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  namespacedName,
  type Delta,
  type EventRecorder,
  type Informer,
  type NamespacedName,
  type Reconciler,
  type Source,
} from '@keelson/controller-runtime';

export const BY_NODE = 'spec.nodeName';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
}

/** Makes the pods of nodes that are unreachable not ready, so that no traffic goes there. Keys are pods. */
export class PodReadiness implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<void> {
    const { client, clock, events, pods, nodes } = this.#dependencies;
    const pod = pods.get(key.name, key.namespace);
    const node = nodes.get(pod?.spec?.nodeName ?? '');
    if (!pod || !node || !isUnreachable(node) || !isReady(pod)) return;
    const ready = { type: 'Ready', status: 'False', lastTransitionTime: formatTime(clock.now()) };
    const patch = { metadata: { uid: pod.metadata?.uid }, status: { conditions: [ready] } };
    try {
      await client.resource(Pod).patchStatus({ name: nameOf(pod), namespace: namespaceOf(pod) }, 'strategic', patch);
    } catch (error) {
      // It is gone, or there is another one of its name.
      if (isReason(error, 'NotFound', 'Conflict', 'Invalid')) return;
      throw error;
    }
    events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
  }
}

export function podReadinessSources({ pods, nodes }: Pick<Dependencies, 'pods' | 'nodes'>): readonly Source[] {
  pods.addIndexer(BY_NODE, ({ spec }) => (spec?.nodeName ? [spec.nodeName] : []));
  return [
    fromInformer(pods, undefined, ({ type, object }) => {
      const node = type === 'deleted' ? undefined : nodes.get(object.spec?.nodeName ?? '');
      return node !== undefined && isUnreachable(node);
    }),
    fromInformer(nodes, (node) => pods.byIndex(BY_NODE, nameOf(node)).map(namespacedName), hasBecomeUnreachable),
  ];
}

function hasBecomeUnreachable(delta: Delta<Node>): boolean {
  if (delta.type === 'deleted' || !isUnreachable(delta.object)) return false;
  return delta.type === 'added' || !isUnreachable(delta.old);
}

function isUnreachable({ status }: Node): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === 'Unknown';
}

function isReady({ status }: Pod): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === 'True';
}
