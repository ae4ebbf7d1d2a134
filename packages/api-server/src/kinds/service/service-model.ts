import type { Service as GeneratedService, ServicePort, ServiceSpec as GeneratedSpec } from '@keelson/api/core/v1';

/** A spec whose list of families is a list. */
export type ServiceSpec = Omit<GeneratedSpec, 'ipFamilies'> & { ipFamilies?: string[] | undefined };
export type Service = Omit<GeneratedService, 'spec'> & { spec?: ServiceSpec | undefined };

export const HEADLESS = 'None';

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIP === HEADLESS || spec.clusterIPs?.[0] === HEADLESS;
}

export function needsClusterIp(spec: ServiceSpec | undefined): boolean {
  return spec !== undefined && spec.type !== 'ExternalName';
}

export function needsNodePorts(spec: ServiceSpec | undefined): boolean {
  return spec?.type === 'NodePort' || (spec?.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
}

/** A type of which node ports may be set, though they need not be. */
export function mayHaveNodePorts(spec: ServiceSpec | undefined): boolean {
  return spec?.type === 'NodePort' || spec?.type === 'LoadBalancer';
}

export function needsHealthCheckPort(spec: ServiceSpec | undefined): boolean {
  return spec?.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

/** Whether traffic from outside of the cluster can reach it: by node ports, a load balancer or external addresses. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return mayHaveNodePorts(spec) || (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);
}

export function portsOf(spec: ServiceSpec | undefined): readonly ServicePort[] {
  return spec?.ports ?? [];
}

/** The addresses that this Service holds: none if it is headless or a name only. */
export function clusterIpsOf(service: Service | undefined): readonly string[] {
  const spec = service?.spec;
  if (spec === undefined || !needsClusterIp(spec) || isHeadless(spec)) return [];
  const ips = (spec.clusterIPs ?? []).length > 0 ? (spec.clusterIPs ?? []) : [spec.clusterIP ?? ''];
  return ips.filter((ip) => ip !== '');
}

/** The node ports that this Service holds, each once, with that of its health check. */
export function nodePortsOf(service: Service | undefined): readonly number[] {
  const spec = service?.spec;
  if (!mayHaveNodePorts(spec)) return [];
  const ports = portsOf(spec).map(({ nodePort }) => nodePort ?? 0);
  return [...new Set([...ports, spec?.healthCheckNodePort ?? 0])].filter((port) => port !== 0);
}
