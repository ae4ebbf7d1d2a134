import { join } from 'node:path';
import type { Lifecycle } from '@keelson/base';
import type { NodeAddress } from '@keelson/api/core/v1';
import { CLIENT } from '@keelson/client';
import { KUBELET, KUBELET_EVENTS, kubeletModule } from '@keelson/kubelet/module';
import type { KubeletOptions } from '@keelson/kubelet';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { EventRecorder, INFORMERS } from '@keelson/controller-runtime';
import { Container } from 'inversify';
import type { MachineContext, NodeIdentity, Reachable } from './component-context.ts';
import { bindRuntimes } from './node-runtimes.ts';
import { stopOnly } from './control-plane.ts';
import { clusterDnsOf } from './ranges.ts';

/** What a simulated node says it has: it costs nothing. */
const SIMULATED_CAPACITY = { cpu: '32', memory: '256Gi', 'ephemeral-storage': '1Ti' };

/** As Kubernetes has it, but for disks: those of people's own machines are fuller than servers'. */
const EVICTION = { hard: { 'memory.available': '100Mi', 'nodefs.available': '5%', 'nodefs.inodesFree': '5%' } };

/** The nodes of this machine. */
export async function addNodes(parts: Lifecycle, context: MachineContext): Promise<void> {
  for (const node of context.nodes) await addNode(parts, context, node);
}

async function addNode(parts: Lifecycle, context: MachineContext, node: NodeIdentity): Promise<void> {
  const { container, settings, reachable } = context;
  const own = new Container({ parent: container });
  own.bind(CLIENT).toConstantValue(node.client);
  if (node.informers) {
    own.bind(INFORMERS).toConstantValue(node.informers);
    parts.add(node.informers);
  }
  own.load(kubeletModule(kubeletOptions(context, node)));
  const { name, podCidrs } = node;
  if (container.isBound(CONTAINER_RUNTIME)) bindOwn(own, container);
  else await bindRuntimes(own, settings, { name, podCidrs, hostAddress: reachable.nodeAddress });
  const runtime = own.get(CONTAINER_RUNTIME);
  parts.add(stopOnly(`runtime of ${name}`, () => runtime.close()));
  const events = own.get(KUBELET_EVENTS);
  if (events instanceof EventRecorder) parts.add(stopOnly(`events of ${name}`, () => events.stop()));
  parts.add(own.get(KUBELET));
}

/** A runtime for this node by the binding that somebody has made for all: kubelets must not share one, each ends pods that it does not know. */
function bindOwn(own: Container, container: Container): void {
  own.bind(CONTAINER_RUNTIME).toConstantValue(container.get(CONTAINER_RUNTIME));
}

function kubeletOptions({ settings, reachable }: MachineContext, { name, podCidrs, tls, port }: NodeIdentity): KubeletOptions {
  const { dns, kubelet, runtime, shutdownGracePeriod, staticPodPath } = settings;
  return {
    nodeName: name,
    addresses: addressesOf(reachable, name),
    rootDir: join(settings.dataDir, 'kubelet', name),
    ...(runtime === 'sim' ? { capacity: SIMULATED_CAPACITY } : { eviction: EVICTION }),
    // Simulated pods resolve nothing, and should not be warned about it.
    ...((dns === 'on' || runtime === 'sim') && { clusterDns: [clusterDnsOf(settings)] }),
    ...kubelet,
    ...(staticPodPath !== undefined && { staticPodPath }),
    ...(shutdownGracePeriod !== undefined && { shutdown: shutdownWithin(shutdownGracePeriod) }),
    ...(podCidrs.length > 0 && { podCidr: podCidrs.join(',') }),
    serving: { host: reachable.nodeAddress, port, tls },
  };
}

/** Where a node of this machine is reached, as it says itself. */
export function addressesOf({ nodeAddresses }: Pick<Reachable, 'nodeAddresses'>, name: string): readonly NodeAddress[] {
  return [...nodeAddresses.map((address) => ({ type: 'InternalIP', address })), { type: 'Hostname', address: name }];
}

function shutdownWithin(graceSeconds: number): NonNullable<KubeletOptions['shutdown']> {
  return { graceSeconds, criticalSeconds: Math.floor(graceSeconds / 3) };
}
