import { join } from 'node:path';
import type { Lifecycle } from '@keelson/base';
import { CLIENT, createClient } from '@keelson/client';
import { KUBELET, KUBELET_EVENTS, kubeletModule } from '@keelson/kubelet/module';
import type { KubeletOptions } from '@keelson/kubelet';
import { CONTAINER_RUNTIME } from '@keelson/runtime';
import { EventRecorder } from '@keelson/controller-runtime';
import { Container } from 'inversify';
import type { ClusterSettings } from '../options.ts';
import type { ComponentContext } from './component-context.ts';
import { nodeNameOf } from './node-name.ts';
import { bindRuntimes } from './node-runtimes.ts';
import { stopOnly } from './control-plane.ts';
import { clusterDnsOf, podCidrsOf } from './ranges.ts';
import { nodeUser } from './users.ts';

/** What a simulated node says it has: it costs nothing. */
const SIMULATED_CAPACITY = { cpu: '32', memory: '256Gi', 'ephemeral-storage': '1Ti' };

/** As Kubernetes has it, but for disks: those of people's own machines are fuller than servers'. */
const EVICTION = { hard: { 'memory.available': '100Mi', 'nodefs.available': '5%', 'nodefs.inodesFree': '5%' } };

export async function addNodes(parts: Lifecycle, context: ComponentContext): Promise<void> {
  for (let index = 1; index <= context.settings.nodes; index += 1) await addNode(parts, context, index);
}

async function addNode(parts: Lifecycle, context: ComponentContext, index: number): Promise<void> {
  const { container, server, settings } = context;
  const nodeName = nodeNameOf(index);
  const own = new Container({ parent: container });
  own.bind(CLIENT).toConstantValue(createClient(server.transport(nodeUser(nodeName))));
  own.load(kubeletModule(kubeletOptions(context, nodeName, index)));
  const isOwn = await bindRuntime(own, settings, index);
  const runtime = own.get(CONTAINER_RUNTIME);
  if (isOwn) parts.add(stopOnly(`runtime of ${nodeName}`, () => runtime.close()));
  const events = own.get(KUBELET_EVENTS);
  if (events instanceof EventRecorder) parts.add(stopOnly(`events of ${nodeName}`, () => events.stop()));
  parts.add(own.get(KUBELET));
}

/** Unless somebody has bound a runtime for all nodes; true if not. */
async function bindRuntime(container: Container, settings: ClusterSettings, index: number): Promise<boolean> {
  if (container.isBound(CONTAINER_RUNTIME)) return false;
  await bindRuntimes(container, settings, index);
  return true;
}

function kubeletOptions({ credentials, settings, reachable }: ComponentContext, nodeName: string, index: number): KubeletOptions {
  const { kubeletServing, authority } = credentials;
  const host = reachable.nodeAddress;
  return {
    nodeName,
    addresses: [
      ...reachable.nodeAddresses.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: nodeName },
    ],
    rootDir: join(settings.dataDir, 'kubelet', nodeName),
    ...(settings.runtime === 'sim' ? { capacity: SIMULATED_CAPACITY } : { eviction: EVICTION }),
    // Simulated pods resolve nothing, and should not be warned about it.
    ...((settings.dns === 'on' || settings.runtime === 'sim') && { clusterDns: [clusterDnsOf(settings)] }),
    ...settings.kubelet,
    ...(settings.staticPodPath !== undefined && { staticPodPath: settings.staticPodPath }),
    ...(settings.shutdownGracePeriod !== undefined && { shutdown: shutdownWithin(settings.shutdownGracePeriod) }),
    podCidr: podCidrsOf(settings, index).join(','),
    serving: {
      host,
      port: 0,
      tls: { cert: kubeletServing.certificate, key: kubeletServing.privateKey, clientCa: authority.certificate },
    },
  };
}

function shutdownWithin(graceSeconds: number): NonNullable<KubeletOptions['shutdown']> {
  return { graceSeconds, criticalSeconds: Math.floor(graceSeconds / 3) };
}
