import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { Node } from '@keelson/api/core/v1';
import { PodRoutes } from '@keelson/proxy';
import type { MachineContext } from './component-context.ts';
import { rangesIn } from './ranges.ts';
import { bridgeOf } from './runtimes/node-runtime.ts';

/**
 * Lets pods out of the cluster, and to those of other nodes, where CNI has given them their network. A machine without nodes of its own reaches the
 * pods of the others by it: they serve webhooks, and more.
 */
export function addRoutes(parts: Lifecycle, { container, informers, nodes: [node], settings }: MachineContext): void {
  const { clusterCidr, network } = settings;
  const isAlone = node === undefined && process.getuid?.() === 0;
  if (network !== 'cni' && !isAlone) return;
  const deps = { nodes: informers.for(Node), clock: container.get(CLOCK), logger: container.get(LOGGER) };
  const nodeName = node?.name ?? '';
  parts.add(new PodRoutes(deps, { nodeName, clusterCidrs: rangesIn(clusterCidr), id: bridgeOf(settings) }));
}
