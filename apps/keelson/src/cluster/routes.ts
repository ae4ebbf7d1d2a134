import { CLOCK, LOGGER, type Lifecycle } from '@keelson/base';
import { Node } from '@keelson/api/core/v1';
import { PodRoutes } from '@keelson/proxy';
import type { ComponentContext } from './component-context.ts';
import { nodeNameOf } from './node-name.ts';
import { rangesIn } from './ranges.ts';
import { bridgeOf } from './runtimes/node-runtime.ts';

/** Lets pods out of the cluster, and to those of other nodes, where CNI has given them their network. */
export function addRoutes(parts: Lifecycle, { container, informers, settings }: ComponentContext): void {
  const { clusterCidr, network } = settings;
  if (network !== 'cni') return;
  const deps = { nodes: informers.for(Node), clock: container.get(CLOCK), logger: container.get(LOGGER) };
  parts.add(new PodRoutes(deps, { nodeName: nodeNameOf(1), clusterCidrs: rangesIn(clusterCidr), id: bridgeOf(settings) }));
}
