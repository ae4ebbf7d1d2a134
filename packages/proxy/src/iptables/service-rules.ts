import { canonicalRange } from '../kernel/ranges.ts';
import { endpointText, type ProxyEndpoint } from '../endpoints.ts';
import type { IpFamily, ServicePort } from '../service-map.ts';
import { endpointChain, serviceChain } from './names.ts';

export interface ServiceRulesOptions {
  readonly family: IpFamily;
  /** The range of all pods. Traffic to a cluster IP from elsewhere gets the node's address, so that answers come back the same way. */
  readonly clusterCIDR?: string | undefined;
}

/** The rules of one service port, by where they go. */
export interface ServiceRules {
  /** Chains of its own in the nat table. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** nat KUBE-SERVICES. */
  readonly services: readonly string[];
  /** nat KUBE-NODEPORTS. */
  readonly nodePorts: readonly string[];
  /** filter KUBE-SERVICES: what is refused from inside. */
  readonly refusals: readonly string[];
  /** filter KUBE-EXTERNAL-SERVICES: what is refused from outside. */
  readonly externalRefusals: readonly string[];
  /** filter KUBE-NODEPORTS: what has to get to this process. */
  readonly healthChecks: readonly string[];
  /** filter KUBE-PROXY-FIREWALL. */
  readonly firewall: readonly string[];
}

/** Everything that the rules of one service port are made from. */
interface Context {
  readonly port: ServicePort;
  readonly options: ServiceRulesOptions;
  readonly internal: Side;
  readonly external: Side;
  readonly hasEndpoints: boolean;
}

/** The traffic from inside or from outside: where it goes, and what becomes of it if there is nowhere. */
interface Side {
  readonly chain: string;
  readonly hasEndpoints: boolean;
  readonly refusal: string;
}

const MARK_MASQ = '-j KUBE-MARK-MASQ';

export function serviceRules(port: ServicePort, options: ServiceRulesOptions): ServiceRules {
  const context: Context = {
    port,
    options,
    internal: sideOf(port, port.internalTrafficPolicy, options.family),
    external: sideOf(port, port.externalTrafficPolicy, options.family),
    hasEndpoints: port.clusterEndpoints.length + port.localEndpoints.length > 0,
  };
  return {
    chains: new Map([...ownChains(context), ...endpointChains(context)]),
    services: natServices(context),
    nodePorts: nodePortRules(context),
    refusals: context.internal.hasEndpoints
      ? []
      : port.clusterIPs.map((address) => to(context, address, why(port, context.internal), context.internal.refusal)),
    externalRefusals: context.external.hasEndpoints ? [] : externalRefusals(context),
    healthChecks:
      port.healthCheckNodePort === undefined
        ? []
        : [`-p tcp ${comment(`${port.key} health check node port`)} -m tcp --dport ${port.healthCheckNodePort} -j ACCEPT`],
    firewall: hasSourceRanges(port)
      ? port.loadBalancerIPs.map((address) =>
          to(context, address, `${port.key} traffic not accepted by ${serviceChain('FW', port)}`, '-j DROP'),
        )
      : [],
  };
}

function sideOf(port: ServicePort, policy: 'Cluster' | 'Local', family: IpFamily): Side {
  const endpoints = policy === 'Local' ? port.localEndpoints : port.clusterEndpoints;
  const nowhere = port.clusterEndpoints.length + port.localEndpoints.length === 0;
  const reject = `-j REJECT --reject-with ${family === 'IPv6' ? 'icmp6-port-unreachable' : 'icmp-port-unreachable'}`;
  return {
    chain: serviceChain(policy === 'Local' ? 'SVL' : 'SVC', port),
    hasEndpoints: endpoints.length > 0,
    refusal: nowhere ? reject : '-j DROP',
  };
}

function natServices(context: Context): string[] {
  const { port, internal } = context;
  if (!context.hasEndpoints) return [];
  const outside = hasSourceRanges(port) ? serviceChain('FW', port) : serviceChain('EXT', port);
  return [
    ...(internal.hasEndpoints
      ? port.clusterIPs.map((one) => to(context, one, `${port.key} cluster IP`, `-j ${internal.chain}`))
      : []),
    ...port.externalIPs.map((one) => to(context, one, `${port.key} external IP`, `-j ${serviceChain('EXT', port)}`)),
    ...port.loadBalancerIPs.map((one) => to(context, one, `${port.key} loadbalancer IP`, `-j ${outside}`)),
  ];
}

function nodePortRules({ port, hasEndpoints }: Context): string[] {
  if (!hasEndpoints || port.nodePort === undefined) return [];
  return [`${protocolMatch(port)} ${comment(port.key)} ${portMatch(port, port.nodePort)} -j ${serviceChain('EXT', port)}`];
}

function externalRefusals(context: Context): string[] {
  const { port, external } = context;
  const text = why(port, external);
  const addresses = [...port.externalIPs, ...port.loadBalancerIPs].map((one) => to(context, one, text, external.refusal));
  if (port.nodePort === undefined) return addresses;
  const local = '-m addrtype --dst-type LOCAL';
  return [...addresses, `${protocolMatch(port)} ${comment(text)} ${local} ${portMatch(port, port.nodePort)} ${external.refusal}`];
}

function ownChains(context: Context): [string, readonly string[]][] {
  const { port, internal, hasEndpoints } = context;
  if (!hasEndpoints) return [];
  const chains: [string, readonly string[]][] = [];
  const outside = isExternal(port);
  const add = (chain: string, endpoints: readonly ProxyEndpoint[]): void => {
    const masquerade = chain === internal.chain ? offClusterRules(context) : [];
    if (endpoints.length > 0) chains.push([chain, [...masquerade, ...balance(context, endpoints)]]);
  };
  // With an external policy of Local, traffic from this node's pods still goes to all endpoints.
  if (port.internalTrafficPolicy === 'Cluster' || outside) add(serviceChain('SVC', port), port.clusterEndpoints);
  const usesLocal = port.internalTrafficPolicy === 'Local' || (outside && port.externalTrafficPolicy === 'Local');
  if (usesLocal) add(serviceChain('SVL', port), port.localEndpoints);
  if (outside) chains.push([serviceChain('EXT', port), externalChain(context)]);
  if (hasSourceRanges(port) && port.loadBalancerIPs.length > 0) chains.push([serviceChain('FW', port), firewallChain(context)]);
  return chains;
}

function offClusterRules(context: Context): string[] {
  const { port, options } = context;
  if (options.clusterCIDR === undefined) return [];
  return port.clusterIPs.map((one) => `! -s ${options.clusterCIDR} ${to(context, one, `${port.key} cluster IP`, MARK_MASQ)}`);
}

function externalChain({ port, options, external }: Context): string[] {
  const onward = external.hasEndpoints ? [`-j ${external.chain}`] : [];
  if (port.externalTrafficPolicy === 'Cluster') {
    return [`${comment(`masquerade traffic for ${port.key} external destinations`)} ${MARK_MASQ}`, ...onward];
  }
  if (port.clusterEndpoints.length === 0) return onward;
  const all = `-j ${serviceChain('SVC', port)}`;
  const pods = `${comment(`pod traffic for ${port.key} external destinations`)} ${all}`;
  const fromHere = '-m addrtype --src-type LOCAL';
  return [
    ...(options.clusterCIDR === undefined ? [] : [`-s ${options.clusterCIDR} ${pods}`]),
    `${comment(`masquerade LOCAL traffic for ${port.key} external destinations`)} ${fromHere} ${MARK_MASQ}`,
    `${comment(`route LOCAL traffic for ${port.key} external destinations`)} ${fromHere} ${all}`,
    ...onward,
  ];
}

function firewallChain({ port, options }: Context): string[] {
  const ranges = port.loadBalancerSourceRanges.flatMap((range) => canonicalRange(range, options.family) ?? []);
  const text = comment(`${port.key} loadbalancer IP`);
  return [
    ...ranges.map((range) => `${from(range)}${text} -j ${serviceChain('EXT', port)}`),
    comment(`other traffic to ${port.key} will be dropped by KUBE-PROXY-FIREWALL`),
  ];
}

/** First those that the client had before, then one by chance: 1 of n, else 1 of the n - 1 that are left, and so on. */
function balance({ port, options }: Context, endpoints: readonly ProxyEndpoint[]): string[] {
  const target = (one: ProxyEndpoint): string => `-j ${endpointChain(port, one)}`;
  const text = (one: ProxyEndpoint): string => comment(`${port.key} -> ${endpointText(one)}`);
  const known = endpoints.map((one) => `${text(one)} ${recent(port, one, options.family)} ${target(one)}`);
  const chosen = endpoints.map((one, index) => `${text(one)} ${chance(endpoints.length - index)}${target(one)}`);
  return [...(port.affinitySeconds === undefined ? [] : known), ...chosen];
}

function recent(port: ServicePort, endpoint: ProxyEndpoint, family: IpFamily): string {
  return `-m recent --rcheck --seconds ${port.affinitySeconds} --reap ${recentName(port, endpoint, family)}`;
}

function recentName(port: ServicePort, endpoint: ProxyEndpoint, family: IpFamily): string {
  const mask = family === 'IPv6' ? 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' : '255.255.255.255';
  return `--name ${endpointChain(port, endpoint)} --mask ${mask} --rsource`;
}

/** The kernel keeps a probability as so many of 2^31, and shows that. */
function chance(left: number): string {
  if (left === 1) return '';
  const shown = Math.round(2 ** 31 / left) / 2 ** 31;
  return `-m statistic --mode random --probability ${shown.toFixed(11)} `;
}

function endpointChains(context: Context): [string, readonly string[]][] {
  const { port, options, hasEndpoints } = context;
  if (!hasEndpoints) return [];
  return [...port.clusterEndpoints, ...port.localEndpoints].map((one) => {
    const set = port.affinitySeconds === undefined ? '' : `-m recent --set ${recentName(port, one, options.family)} `;
    const transport = `-m ${port.protocol.toLowerCase()}`;
    return [
      endpointChain(port, one),
      [
        // A pod that gets to itself: with its own address as the source the answer would never leave it.
        `-s ${host(one.address, options.family)} ${comment(port.key)} ${MARK_MASQ}`,
        `${protocolMatch(port)} ${comment(port.key)} ${set}${transport} -j DNAT --to-destination ${endpointText(one)}`,
      ],
    ];
  });
}

/** The kernel does not show a source that is everybody. */
function from(range: string): string {
  return range.endsWith('/0') ? '' : `-s ${range} `;
}

function to({ port, options }: Context, address: string, text: string, target: string): string {
  return `-d ${host(address, options.family)} ${protocolMatch(port)} ${comment(text)} ${portMatch(port, port.port)} ${target}`;
}

function host(address: string, family: IpFamily): string {
  return `${address}/${family === 'IPv6' ? 128 : 32}`;
}

function protocolMatch(port: ServicePort): string {
  return `-p ${port.protocol.toLowerCase()}`;
}

function portMatch(port: ServicePort, number: number): string {
  return `-m ${port.protocol.toLowerCase()} --dport ${number}`;
}

export function comment(text: string): string {
  return `-m comment --comment "${text}"`;
}

function why(port: ServicePort, { refusal }: Side): string {
  return `${port.key} has no ${refusal === '-j DROP' ? 'local endpoints' : 'endpoints'}`;
}

function isExternal(port: ServicePort): boolean {
  return port.nodePort !== undefined || port.externalIPs.length + port.loadBalancerIPs.length > 0;
}

function hasSourceRanges(port: ServicePort): boolean {
  return port.loadBalancerSourceRanges.length > 0;
}
