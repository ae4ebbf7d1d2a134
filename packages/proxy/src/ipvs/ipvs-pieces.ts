import { endpointText, type ProxyEndpoint, type TrafficPolicy } from '../endpoints.ts';
import type { Element } from '../nftables/claims.ts';
import { firewallElements, hairpin, ipKey, protocolOf } from '../nftables/service-pieces.ts';
import type { IpFamily, ServicePort } from '../service-map.ts';

export interface PieceOptions {
  readonly family: IpFamily;
  readonly scheduler: string;
  /** Addresses of the node on which node ports are served. */
  readonly nodeAddresses: readonly string[];
  /** All addresses that the node has by itself, which the dummy device need not have. */
  readonly ownAddresses: readonly string[];
}

/** An address and port at which a service port is to be reached. */
interface Front {
  readonly address: string;
  readonly port: number;
  readonly policy: TrafficPolicy;
}

/**
 * What one service port adds to the node, as elements: `address` of the dummy device, `server` and `destination` of IPVS in the words of
 * `ipvsadm`, and those of the sets of nftables.
 */
export function ipvsPieces(port: ServicePort, options: PieceOptions): readonly Element[] {
  const { externalTrafficPolicy: policy, port: number } = port;
  const external = [...port.externalIPs, ...port.loadBalancerIPs];
  return [
    ...[...port.clusterIPs, ...external]
      .filter((one) => !options.ownAddresses.includes(one))
      .map((key) => element('address', key)),
    ...port.clusterIPs.map((key) => element('cluster-ips', key)),
    ...[...port.clusterIPs, ...external].map((address) => element('service-ips', ipKey(port, address))),
    ...port.clusterIPs.flatMap((address) => serve(port, { address, port: number, policy: port.internalTrafficPolicy }, options)),
    ...external.flatMap((address) => serve(port, { address, port: number, policy }, options)),
    ...nodePortElements(port, options),
    ...dropped(port, external),
    ...(policy === 'Cluster' ? external.map((address) => element('masquerade-ips', ipKey(port, address))) : []),
    ...firewallElements(port, options.family),
    ...[...port.clusterEndpoints, ...port.localEndpoints].filter((one) => one.local).map(hairpin),
  ];
}

function nodePortElements(port: ServicePort, options: PieceOptions): Element[] {
  const { nodePort, externalTrafficPolicy: policy } = port;
  if (nodePort === undefined) return [];
  const key = `${protocolOf(port)} . ${nodePort}`;
  return [
    element('nodeports', key),
    ...options.nodeAddresses.flatMap((address) => serve(port, { address, port: nodePort, policy }, options)),
    ...(policy === 'Cluster' ? [element('masquerade-nodeports', key)] : []),
    ...(leadsElsewhere(port, policy) ? [element('dropped-nodeports', key)] : []),
  ];
}

/** A virtual server with its destinations. Without one, IPVS refuses. */
function serve(port: ServicePort, front: Front, { scheduler }: PieceOptions): Element[] {
  const server = `${SERVER_OPTION[port.protocol]} ${endpointText(front)}`;
  const affinity = port.affinitySeconds === undefined ? '' : ` -p ${Math.max(port.affinitySeconds, 1)}`;
  return [
    { set: 'server', key: server, value: `-s ${scheduler}${affinity}` },
    ...endpointsFor(port, front.policy).map((one) => element('destination', `${server} -r ${endpointText(one)}`)),
  ];
}

/** Traffic that may go to local endpoints only is dropped if there are others, and refused if there are none. */
function dropped(port: ServicePort, external: readonly string[]): Element[] {
  const at = (addresses: readonly string[], policy: TrafficPolicy): Element[] =>
    leadsElsewhere(port, policy) ? addresses.map((address) => element('dropped-ips', ipKey(port, address))) : [];
  return [...at(port.clusterIPs, port.internalTrafficPolicy), ...at(external, port.externalTrafficPolicy)];
}

function leadsElsewhere(port: ServicePort, policy: TrafficPolicy): boolean {
  return policy === 'Local' && port.localEndpoints.length === 0 && port.clusterEndpoints.length > 0;
}

function endpointsFor(port: ServicePort, policy: TrafficPolicy): readonly ProxyEndpoint[] {
  return policy === 'Local' ? port.localEndpoints : port.clusterEndpoints;
}

const SERVER_OPTION = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service' } as const;

function element(set: string, key: string): Element {
  return { set, key, value: undefined };
}
