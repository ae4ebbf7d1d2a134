import type { BlockList } from 'node:net';
import { blockListOf } from '../addresses.ts';
import type { Protocol, ServiceMap, ServicePort } from '../service-map.ts';
import type { EndpointScope } from './balancer.ts';

/** One address and port on which a service port is to be reached. */
export interface FrontEnd {
  /** Unique on the node. */
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: Protocol;
  readonly service: ServicePort;
  readonly scope: EndpointScope;
  /** Undefined for everybody. */
  readonly clients: BlockList | undefined;
}

export interface FrontEndOptions {
  /** Addresses of the node on which node ports are to be reached. */
  readonly nodePortAddresses: readonly string[];
  /** All addresses of the node, without those of services. */
  readonly nodeAddresses: ReadonlySet<string>;
}

/** All front ends that have an endpoint to go to. A front end without one is left out: the kernel refuses then. */
export function frontEndsOf(services: ServiceMap, options: FrontEndOptions): FrontEnd[] {
  return [...services.values()].flatMap((service) => [
    ...frontEnds(service, service.clusterIPs, { port: service.port, scope: scopeOf(service.internalTrafficPolicy) }),
    ...externalFrontEnds(service, options),
  ]);
}

export function frontEndId(protocol: Protocol, address: string, port: number): string {
  return `${protocol} ${address} ${port}`;
}

function externalFrontEnds(service: ServicePort, { nodePortAddresses, nodeAddresses }: FrontEndOptions): FrontEnd[] {
  const scope = scopeOf(service.externalTrafficPolicy);
  const isHere = (address: string): boolean => nodeAddresses.has(address);
  const { port, nodePort } = service;
  const atNodePort = (addresses: readonly string[], where: EndpointScope): FrontEnd[] =>
    nodePort === undefined ? [] : frontEnds(service, addresses, { port: nodePort, scope: where });
  return [
    ...frontEnds(service, service.externalIPs.filter(isHere), { port, scope }),
    ...frontEnds(service, service.loadBalancerIPs.filter(isHere), { port, scope, clients: clientsOf(service) }),
    // What comes in by loopback is from this node, and the policy is about what comes from elsewhere.
    ...atNodePort(nodePortAddresses.filter(isLoopback), 'cluster'),
    ...atNodePort(
      nodePortAddresses.filter((address) => !isLoopback(address)),
      scope,
    ),
  ];
}

interface Where {
  readonly port: number;
  readonly scope: EndpointScope;
  readonly clients?: BlockList | undefined;
}

function frontEnds(service: ServicePort, addresses: readonly string[], { port, scope, clients }: Where): FrontEnd[] {
  const endpoints = scope === 'local' ? service.localEndpoints : service.clusterEndpoints;
  if (endpoints.length === 0) return [];
  const { protocol } = service;
  return addresses.map((address) => ({
    id: frontEndId(protocol, address, port),
    address,
    port,
    protocol,
    service,
    scope,
    clients,
  }));
}

function clientsOf({ loadBalancerSourceRanges }: ServicePort): BlockList | undefined {
  return loadBalancerSourceRanges.length > 0 ? blockListOf(loadBalancerSourceRanges) : undefined;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

function scopeOf(policy: 'Cluster' | 'Local'): EndpointScope {
  return policy === 'Local' ? 'local' : 'cluster';
}
