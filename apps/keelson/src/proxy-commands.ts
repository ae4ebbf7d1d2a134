import { Node, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';
import { detectProxyMode, explainService, PROXY_MODES, type ProxyModeName } from '@keelson/proxy';
import { nodeNameOf } from './cluster/node-name.ts';
import { withCluster } from './connection.ts';

export interface ExplainFlags {
  /** Default: as kubectl finds it. */
  readonly kubeconfig?: string;
  /** The node from which is looked. Default: the only one of the cluster, or this machine's. */
  readonly node?: string;
  readonly proxyMode: ProxyModeName | 'auto';
  readonly namespace: string;
}

/** Where a proxy on this machine says what its mode is. */
const MODE_URL = 'http://127.0.0.1:10249/proxyMode';

/** The path of a packet to a Service of any cluster, for reading. */
export function explain(name: string, flags: ExplainFlags): Promise<string> {
  return withCluster(flags.kubeconfig, (client) => explained(client, name, flags));
}

async function explained(client: Client, name: string, flags: ExplainFlags): Promise<string> {
  const [own = '', namespace = flags.namespace] = name.split('/').reverse();
  const service = await client.resource(Service).get({ name: own, namespace });
  const { items: slices } = await client
    .resource(EndpointSlice)
    .list({ namespace, labelSelector: `kubernetes.io/service-name=${own}` });
  const node = await nodeOf(client, flags.node);
  const mode = flags.proxyMode === 'auto' ? await modeHere() : flags.proxyMode;
  const zone = node.metadata?.labels?.['topology.kubernetes.io/zone'];
  const viewpoint = { nodeName: node.metadata?.name ?? '', ...(zone === undefined ? {} : { zone }) };
  const addresses = service.spec?.clusterIPs ?? [];
  const families = [
    ...(addresses.length === 0 || addresses.some((ip) => !ip.includes(':')) ? (['IPv4'] as const) : []),
    ...(addresses.some((ip) => ip.includes(':')) ? (['IPv6'] as const) : []),
  ];
  return families.map((family) => explainService({ service, slices }, { ...viewpoint, family, mode })).join('\n');
}

async function nodeOf(client: Client, name: string | undefined): Promise<Node> {
  if (name !== undefined) return client.resource(Node).get({ name });
  const { items: nodes } = await client.resource(Node).list();
  const [only, another] = nodes;
  const own = another ? nodes.find((one) => one.metadata?.name === nodeNameOf(1)) : only;
  if (own) return own;
  const names = nodes.map((one) => one.metadata?.name).join(', ');
  throw new KeelsonError('BadRequest', `Cannot tell from which node to look: add --node, with one of: ${names}`);
}

async function modeHere(): Promise<ProxyModeName> {
  try {
    const text = await (await fetch(MODE_URL, { signal: AbortSignal.timeout(1_000) })).text();
    const running = PROXY_MODES.find((mode) => mode === text);
    if (running) return running;
  } catch {
    // There is no proxy here: then what one would take.
  }
  return (await detectProxyMode()).mode;
}
