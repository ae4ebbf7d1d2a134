import { isIPv4, isIPv6 } from 'node:net';
import type { Service, ServicePort as ServicePortSpec } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { selectEndpoints, type ProxyEndpoint, type TrafficPolicy, type Viewpoint } from './endpoints.ts';
import { SnapshotMap } from './snapshot-map.ts';

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type IpFamily = 'IPv4' | 'IPv6';

/** One port of one Service, as a node has to serve it. All addresses are of one IP family. Compare by identity: it changes with its content. */
export interface ServicePort {
  /** `namespace/name:port`, or `namespace/name` for a port without a name. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly port: number;
  readonly clusterIPs: readonly string[];
  readonly externalIPs: readonly string[];
  /** Addresses that a load balancer was given, without those that it proxies itself. */
  readonly loadBalancerIPs: readonly string[];
  /** CIDRs that may use `loadBalancerIPs`; empty for everybody. */
  readonly loadBalancerSourceRanges: readonly string[];
  readonly nodePort: number | undefined;
  /** Where load balancers ask whether this node has local endpoints; the same for all ports of a Service. */
  readonly healthCheckNodePort: number | undefined;
  /** Seconds for which a client stays with its endpoint after its last connection; undefined without ClientIP affinity. */
  readonly affinitySeconds: number | undefined;
  readonly internalTrafficPolicy: TrafficPolicy;
  readonly externalTrafficPolicy: TrafficPolicy;
  /** Usable endpoints on all nodes. If there is none, traffic is refused. */
  readonly clusterEndpoints: readonly ProxyEndpoint[];
  /** Usable endpoints on this node. If a policy is `Local` and only this is empty, the traffic is dropped. */
  readonly localEndpoints: readonly ProxyEndpoint[];
  /** Of the local ones none is ready: they are on their way out, and still serve. */
  readonly localTerminating: boolean;
}

/** All service ports by their key. Of a `SnapshotMap`, as the builders make, modes find out what has changed without looking at the rest. */
export type ServiceMap = ReadonlyMap<string, ServicePort>;

/** From where a map is looked at. */
export interface ServiceMapOptions extends Viewpoint {
  /** Default IPv4. For both families run one proxy for each. */
  readonly family?: IpFamily;
}

/** The label that ties an EndpointSlice to its Service. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
/** Services with this label are left to another proxy. */
export const PROXY_NAME_LABEL = 'service.kubernetes.io/service-proxy-name';
const DEFAULT_AFFINITY_SECONDS = 10_800;

/** The map of all services at once; `ServiceMapBuilder` does the same step by step. */
export function buildServiceMap(
  services: Iterable<Service>,
  slices: Iterable<EndpointSlice>,
  options: ServiceMapOptions,
): SnapshotMap<ServicePort> {
  const slicesOf = Map.groupBy(slices, serviceKeyOfSlice);
  const ports = [...services].flatMap((service) => servicePortsOf(service, slicesOf.get(serviceKey(service)) ?? [], options));
  return SnapshotMap.empty<ServicePort>().with(ports.map((port) => [port.key, port]));
}

export function serviceKey(service: Service): string {
  return `${service.metadata?.namespace ?? ''}/${service.metadata?.name ?? ''}`;
}

/** The key of the Service that a slice belongs to; undefined if it says none. */
export function serviceKeyOfSlice(slice: EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  return name ? `${slice.metadata?.namespace ?? ''}/${name}` : undefined;
}

/** What a node serves for one Service; nothing for headless ones, ExternalName and those of another proxy. */
export function servicePortsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  options: ServiceMapOptions,
): readonly ServicePort[] {
  const family = options.family ?? 'IPv4';
  const clusterIPs = clusterIPsOf(service, family);
  if (clusterIPs.length === 0) return [];
  const shared = sharedFields(service, clusterIPs, family);
  return (service.spec?.ports ?? []).map((spec) =>
    servicePort(service, spec, shared, { slices, family, nodeName: options.nodeName, zone: options.zone }),
  );
}

function clusterIPsOf(service: Service, family: IpFamily): readonly string[] {
  const { spec, metadata } = service;
  if (!spec || spec.type === 'ExternalName' || metadata?.labels?.[PROXY_NAME_LABEL] !== undefined) return [];
  if (!spec.clusterIP || spec.clusterIP === 'None') return [];
  return ofFamily(spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP], family);
}

type SharedFields = ReturnType<typeof sharedFields>;

function sharedFields(service: Service, clusterIPs: readonly string[], family: IpFamily) {
  const spec = service.spec ?? {};
  const ingress = spec.type === 'LoadBalancer' ? (service.status?.loadBalancer?.ingress ?? []) : [];
  const isBalancedLocally = spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
  return {
    namespace: service.metadata?.namespace ?? '',
    name: service.metadata?.name ?? '',
    clusterIPs,
    externalIPs: ofFamily(spec.externalIPs ?? [], family),
    loadBalancerIPs: ofFamily(
      ingress.filter((entry) => entry.ipMode !== 'Proxy').map((entry) => entry.ip ?? ''),
      family,
    ),
    loadBalancerSourceRanges: (spec.loadBalancerSourceRanges ?? [])
      .map((range) => range.trim())
      .filter((range) => ofFamily([range.split('/')[0] ?? ''], family).length > 0),
    affinitySeconds:
      spec.sessionAffinity === 'ClientIP'
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
        : undefined,
    healthCheckNodePort: isBalancedLocally ? spec.healthCheckNodePort || undefined : undefined,
    internalTrafficPolicy: policy(spec.internalTrafficPolicy),
    externalTrafficPolicy: policy(spec.externalTrafficPolicy),
  };
}

interface EndpointContext extends Viewpoint {
  readonly slices: readonly EndpointSlice[];
  readonly family: IpFamily;
}

function servicePort(service: Service, spec: ServicePortSpec, shared: SharedFields, context: EndpointContext): ServicePort {
  const portName = spec.name ?? '';
  const protocol = protocolOf(spec.protocol);
  return {
    ...shared,
    key: portName ? `${serviceKey(service)}:${portName}` : serviceKey(service),
    portName,
    protocol,
    port: spec.port,
    nodePort: spec.nodePort || undefined,
    ...selectEndpoints({ ...context, portName, protocol }),
  };
}

function protocolOf(protocol: string | undefined): Protocol {
  return protocol === 'UDP' || protocol === 'SCTP' ? protocol : 'TCP';
}

function policy(text: string | undefined): TrafficPolicy {
  return text === 'Local' ? 'Local' : 'Cluster';
}

function ofFamily(addresses: readonly string[], family: IpFamily): readonly string[] {
  return addresses.filter(family === 'IPv4' ? isIPv4 : isIPv6);
}
