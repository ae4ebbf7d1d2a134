import { nameOf, uidOf } from '@keelson/api';
import { Node } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  type Delta,
  type EventRecorder,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { NodeCidrs, type NodeCidrOptions } from './node-cidrs.ts';

const NAME = 'node-ipam-controller';
/** How soon a node for which there was no network is tried again. */
const FULL_MS = 30_000;

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly nodes: Lister<Node>;
  readonly cidrs: NodeCidrs;
}

/** Gives each node that has none a pod network. What nodes have is counted from them, before the first one gets any. */
class NodeNetworks implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<ReconcileResult> {
    const { client, events, nodes, cidrs } = this.#dependencies;
    const node = nodes.get(name);
    if (!node || !needsNetwork(node)) return {};
    const podCIDRs = cidrs.choose(name);
    if (!podCIDRs) {
      events.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
      return { requeueAfterMs: FULL_MS };
    }
    try {
      // Whether a write that failed was done is not known, so what was chosen stays the node's. A node that has got another network keeps it.
      const [podCIDR] = podCIDRs;
      await client.resource(Node).patch({ name }, 'merge', { metadata: { uid: uidOf(node) }, spec: { podCIDR, podCIDRs } });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }
}

function needsNetwork({ metadata, spec }: Node): boolean {
  return (spec?.podCIDRs ?? []).length === 0 && metadata?.deletionTimestamp === undefined;
}

/** Counts what a change of a node says, and tells whether there is something to do. */
function count(cidrs: NodeCidrs, delta: Delta<Node>): boolean {
  const node = delta.object;
  const { podCIDRs = [] } = node.spec ?? {};
  if (delta.type === 'deleted') cidrs.release(nameOf(node));
  else if (podCIDRs.length > 0) cidrs.hold(nameOf(node), podCIDRs);
  return delta.type !== 'deleted' && needsNetwork(node);
}

/** Gives nodes their pod networks out of the cluster's. `BadRequest` if that cannot be cut into such networks. */
export function nodeIpamController(options: NodeCidrOptions): ControllerFactory {
  return (context) => {
    const { client, events, informers } = context;
    const nodes = informers.for(Node);
    const cidrs = new NodeCidrs(options);
    return reconcilingController(context, {
      name: NAME,
      reconciler: new NodeNetworks({ client, events, nodes, cidrs }),
      sources: [fromInformer(nodes, undefined, (delta) => count(cidrs, delta))],
    });
  };
}
