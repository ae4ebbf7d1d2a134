import { endpointChain, serviceChain } from '../iptables/names.ts';
import { DEVICE } from '../ipvs/dummy-device.ts';
import { ipvsPieces } from '../ipvs/ipvs-pieces.ts';
import type { ProxyModeName } from '../modes.ts';
import { piecesOf } from '../nftables/service-pieces.ts';
import { wordsOf } from '../nftables/table-layout.ts';
import type { IpFamily, ServicePort } from '../service-map.ts';
import { endpointText } from '../endpoints.ts';
import type { Front } from './fronts.ts';

/** The stations that a packet passes in a mode, from the address of a service to an endpoint, each a line. */
export type ModePath = (port: ServicePort, front: Front, family: IpFamily) => readonly string[];

export const MODE_PATHS: Readonly<Record<ProxyModeName, ModePath>> = {
  nftables: nftablesPath,
  ipvs: ipvsPath,
  iptables: iptablesPath,
  userspace: userspacePath,
};

function nftablesPath(port: ServicePort, front: Front, family: IpFamily): readonly string[] {
  const protocol = port.protocol.toLowerCase();
  const isNodePort = front.kind === 'node port';
  const on = isNodePort ? 'nodeports' : 'ips';
  const key = isNodePort ? `${protocol} . ${front.port}` : `${front.address} . ${protocol} . ${front.port}`;
  const found = piecesOf(port, family).elements.filter((one) => one.key === key && one.set.endsWith(`-${on}`));
  const table = wordsOf(family).table;
  const lines = found.map(
    ({ set, value }) =>
      `${set.startsWith('masquerade') || set.startsWith('firewalled') ? 'set' : 'map'} ${set} of ${table}: ${key}${value ? ` → ${value}` : ''}`,
  );
  if (port.affinitySeconds === undefined && front.endpoints.length > 0) {
    const endpoints = isNodePort ? `${front.port} . NUMBER` : `${front.address} . ${front.port} . NUMBER`;
    lines.push(`map ${protocol}-endpoint-${on}: ${endpoints}`);
  }
  return lines;
}

function iptablesPath(port: ServicePort, front: Front): readonly string[] {
  const { endpoints } = front;
  const isExternal = front.kind !== 'cluster IP';
  const from = front.kind === 'node port' ? 'KUBE-SERVICES → KUBE-NODEPORTS' : 'KUBE-SERVICES';
  const refusals = `filter: ${isExternal ? 'KUBE-EXTERNAL-SERVICES' : 'KUBE-SERVICES'}: ${front.otherwise === 'refused' ? 'REJECT' : 'DROP'}`;
  const guard = front.kind === 'load balancer IP' && port.loadBalancerSourceRanges.length > 0 ? [serviceChain('FW', port)] : [];
  const own = serviceChain(front.policy === 'Local' ? 'SVL' : 'SVC', port);
  if (endpoints.length === 0) return [refusals];
  const chains = [from, ...guard, ...(isExternal ? [serviceChain('EXT', port)] : []), own];
  return [
    `nat: ${chains.join(' → ')}`,
    ...endpoints.map((one) => `nat: ${own} → ${endpointChain(port, one)} → ${endpointText(one)}`),
  ];
}

function ipvsPath(port: ServicePort, front: Front, family: IpFamily): readonly string[] {
  const address = front.address ?? (family === 'IPv6' ? '::' : '0.0.0.0');
  const only = { ...port, clusterIPs: [], externalIPs: [], loadBalancerIPs: [], nodePort: undefined };
  const shown: ServicePort = {
    ...only,
    port: front.port,
    ...(front.kind === 'cluster IP' ? { clusterIPs: [address] } : { externalIPs: [address] }),
  };
  const elements = ipvsPieces(shown, { family, scheduler: 'rr', nodeAddresses: [], ownAddresses: [] });
  const server = elements.find((one) => one.set === 'server');
  const where = front.address ? ` on ${DEVICE}` : ', for each address of the node';
  const drops = elements.some((one) => one.set === 'dropped-ips') ? ['set of keelson-ipvs: dropped'] : [];
  return [`virtual server ${server?.key ?? ''} ${server?.value ?? ''}${where}`, ...drops];
}

function userspacePath(port: ServicePort, front: Front): readonly string[] {
  if (port.protocol === 'SCTP') return ['not served: SCTP'];
  if (front.endpoints.length === 0) return ['no socket: the kernel refuses'];
  return [`a ${port.protocol} socket of the proxy on ${front.at}`];
}
