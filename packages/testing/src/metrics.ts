import { nameOf } from '@keelson/api';
import { Node, Pod } from '@keelson/api/core/v1';
import { KeelsonError, type Clock, type Logger } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { InformerFactory } from '@keelson/controller-runtime';
import { announceMetrics, MetricsServer } from '@keelson/metrics-server';
import type { ControlPlane } from './control-plane.ts';
import type { SimulatedNode } from './simulated-node.ts';

interface Dependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly plane: ControlPlane;
}

/** `metrics.k8s.io` of the nodes of a test cluster. Their kubelets have no sockets: they are asked by function. */
export async function metricsServer(nodes: readonly SimulatedNode[], world: Dependencies): Promise<MetricsServer> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const source = async (node: Node): Promise<string> => {
    const found = byName.get(nameOf(node));
    if (!found) throw new KeelsonError('ServiceUnavailable', `node "${nameOf(node)}" has no kubelet in this cluster`);
    return found.resourceMetrics();
  };
  const { informers, client, plane } = world;
  const server = new MetricsServer({ ...world, nodes: informers.for(Node), pods: informers.for(Pod), source });
  plane.extend({ virtualResources: server.resources });
  await announceMetrics(client);
  return server;
}
