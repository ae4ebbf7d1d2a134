import { createHash } from 'node:crypto';
import { endpointText, type ProxyEndpoint, type TrafficPolicy } from '../endpoints.ts';
import { canonicalRange } from '../kernel/ranges.ts';
import type { Element as AnyElement } from './claims.ts';
import type { IpFamily, ServicePort } from '../service-map.ts';
import { FROM_NODE, LOCAL_OFFSET, wordsOf, type Chain, type SetName } from './table-layout.ts';

type Element = AnyElement<SetName>;

/** What one service port adds to the table. */
export interface ServicePieces {
  readonly elements: readonly Element[];
  /** Chains of its own: only services with affinity have any. Those that others lead to come first. */
  readonly chains: ReadonlyMap<string, Chain>;
  /** Declarations of sets of its own. */
  readonly sets: ReadonlyMap<string, string>;
}

/** One address and port, or node port, at which a service port is to be reached. */
interface Front {
  readonly on: 'ips' | 'nodeports';
  readonly key: string;
  /** The key among the endpoints of its protocol. */
  readonly endpointKey: string;
  readonly external: boolean;
}

export function piecesOf(port: ServicePort, family: IpFamily): ServicePieces {
  const affinity = port.affinitySeconds === undefined ? undefined : affinityOf(port, family);
  return {
    elements: [
      ...port.clusterIPs.map((key): Element => ({ set: 'cluster-ips', key, value: undefined })),
      ...frontsOf(port).flatMap((front) => frontElements(port, front, affinity)),
      ...firewallElements(port, family),
      ...[...port.clusterEndpoints, ...port.localEndpoints].filter((one) => one.local).map(hairpin),
    ],
    chains: affinity?.chains ?? new Map(),
    sets: affinity?.sets ?? new Map(),
  };
}

function frontsOf(port: ServicePort): Front[] {
  const at =
    (external: boolean) =>
    (address: string): Front => ({ on: 'ips', key: ipKey(port, address), endpointKey: `${address} . ${port.port}`, external });
  const nodePort = port.nodePort === undefined ? [] : [`${port.nodePort}`];
  return [
    ...port.clusterIPs.map(at(false)),
    ...[...port.externalIPs, ...port.loadBalancerIPs].map(at(true)),
    ...nodePort.map((at): Front => ({ on: 'nodeports', key: `${protocolOf(port)} . ${at}`, endpointKey: at, external: true })),
  ];
}

function frontElements(port: ServicePort, front: Front, affinity: Affinity | undefined): Element[] {
  const { on, key, external } = front;
  const { clusterEndpoints: all, localEndpoints: local } = port;
  const policy = external ? port.externalTrafficPolicy : port.internalTrafficPolicy;
  const endpoints = policy === 'Local' ? local : all;
  const prefix = on === 'nodeports' ? 'node-' : '';
  const elements: Element[] = [];
  const goTo = (set: SetName, chain: string): unknown => elements.push({ set, key, value: `goto ${chain}` });
  if (endpoints.length > 0) {
    const isLocal = policy === 'Local';
    goTo(`service-${on}`, affinity?.chainOf(isLocal) ?? `${prefix}${isLocal ? 'to-local' : 'to'}-${endpoints.length}`);
  } else {
    const value = all.length + local.length === 0 ? 'goto refuse' : 'drop';
    elements.push({ set: `refused-${on}`, key, value });
  }
  if (external && policy === 'Cluster') elements.push({ set: `masquerade-${on}`, key, value: undefined });
  // The policy is about what comes from elsewhere: this node and its pods still get to all endpoints.
  if (external && policy === 'Local' && all.length > 0) goTo(`inside-${on}`, affinity?.inside ?? `${prefix}inside-${all.length}`);
  if (!affinity) elements.push(...endpointElements(port, front, policy));
  return elements;
}

function endpointElements(port: ServicePort, { on, endpointKey, external }: Front, policy: TrafficPolicy): Element[] {
  const all = external || policy === 'Cluster' ? port.clusterEndpoints : [];
  const local = policy === 'Local' ? port.localEndpoints : [];
  const element = (one: ProxyEndpoint, index: number): Element => ({
    set: `${protocolOf(port)}-endpoint-${on}`,
    key: `${endpointKey} . ${index}`,
    value: `${one.address} . ${one.port}`,
  });
  return [...all.map(element), ...local.map((one, index) => element(one, LOCAL_OFFSET + index))];
}

/** Who may use the addresses of load balancers. */
export function firewallElements(port: ServicePort, family: IpFamily): Element[] {
  if (port.loadBalancerSourceRanges.length === 0) return [];
  const ranges = disjoint(port.loadBalancerSourceRanges.flatMap((range) => canonicalRange(range, family) ?? []));
  return port.loadBalancerIPs.flatMap((address) => {
    const key = ipKey(port, address);
    return [
      { set: 'firewalled-ips', key, value: undefined },
      ...ranges.map((range): Element => ({ set: 'allowed-sources', key: `${key} . ${range}`, value: undefined })),
    ] satisfies Element[];
  });
}

/** The kernel takes no ranges that overlap. Two of them are apart, or one is in the other. */
function disjoint(ranges: readonly string[]): string[] {
  const widest = [...new Set(ranges)].sort((left, right) => bitsOf(left) - bitsOf(right));
  const kept: string[] = [];
  for (const range of widest) {
    const network = range.split('/')[0] ?? '';
    const family = network.includes(':') ? 'IPv6' : 'IPv4';
    if (!kept.some((one) => canonicalRange(`${network}/${bitsOf(one)}`, family) === one)) kept.push(range);
  }
  return kept;
}

function bitsOf(range: string): number {
  return Number(range.split('/')[1]);
}

/** A pod that talks to itself. */
export function hairpin({ address }: ProxyEndpoint): Element {
  return { set: 'hairpin', key: `${address} . ${address}`, value: undefined };
}

interface Affinity {
  readonly chains: ReadonlyMap<string, Chain>;
  readonly sets: ReadonlyMap<string, string>;
  readonly inside: string;
  chainOf(local: boolean): string;
}

/**
 * A set for each endpoint remembers its clients, for as long as they keep coming and the time-out. All ways to the service share them. A
 * set that goes with its endpoint takes along what was remembered, so nobody is sent to one that is gone.
 */
function affinityOf(port: ServicePort, family: IpFamily): Affinity {
  const { ip, address } = wordsOf(family);
  const name = nameOf(port);
  const setOf = (one: ProxyEndpoint): string =>
    `clients-${name}/${port.affinitySeconds}/${one.address.replaceAll(':', '.')}/${one.port}`;
  const all = [...new Map([...port.clusterEndpoints, ...port.localEndpoints].map((one) => [endpointText(one), one])).values()];
  const timeout = Math.max(port.affinitySeconds ?? 1, 1);
  const take = (one: ProxyEndpoint): string =>
    `meta l4proto ${protocolOf(port)} update @${setOf(one)} { ${ip} saddr } dnat to ${endpointText(one)}`;
  const balance = (endpoints: readonly ProxyEndpoint[]): string[] => [
    ...endpoints.map((one) => `${ip} saddr @${setOf(one)} ${take(one)}`),
    // 1 of n, else 1 of the n - 1 that are left, and so on.
    ...endpoints.map((one, index) => {
      const left = endpoints.length - index;
      return left === 1 ? take(one) : `numgen random mod ${left} == 0 ${take(one)}`;
    }),
  ];
  const chains = new Map<string, Chain>();
  if (port.clusterEndpoints.length > 0) chains.set(`svc-${name}`, { rules: balance(port.clusterEndpoints) });
  if (port.localEndpoints.length > 0) chains.set(`svl-${name}`, { rules: balance(port.localEndpoints) });
  if (port.clusterEndpoints.length > 0) chains.set(`ins-${name}`, { rules: [FROM_NODE, `goto svc-${name}`] });
  const size = 'size 65535; flags dynamic,timeout;';
  return {
    chains,
    sets: new Map(all.map((one) => [setOf(one), `set ${setOf(one)} { type ${address}; ${size} timeout ${timeout}s; }`])),
    inside: `ins-${name}`,
    chainOf: (local) => `${local ? 'svl' : 'svc'}-${name}`,
  };
}

/** Unique, and to be read: `4F2A91C03B7D-default/web/tcp/http`. */
function nameOf(port: ServicePort): string {
  const protocol = protocolOf(port);
  const hash = createHash('sha256').update(`${port.key} ${protocol}`).digest('hex').slice(0, 12).toUpperCase();
  return `${hash}-${port.namespace}/${port.name}/${protocol}/${port.portName}`.slice(0, 64).replace(/\/$/, '');
}

/** How an address and port of a service is a key of the sets. */
export function ipKey(port: ServicePort, address: string): string {
  return `${address} . ${protocolOf(port)} . ${port.port}`;
}

/** The protocol as `nft` calls it. */
export function protocolOf({ protocol }: ServicePort): 'tcp' | 'udp' | 'sctp' {
  switch (protocol) {
    case 'TCP':
      return 'tcp';
    case 'UDP':
      return 'udp';
    case 'SCTP':
      return 'sctp';
  }
}
