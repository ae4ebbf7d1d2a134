import { familyOf } from '@keelson/api';
import { HEADLESS, isExternallyAccessible, isHeadless, type Service, type ServiceSpec } from './service-model.ts';

const AFFINITY_SECONDS = 10_800;

/** `families`: those that the cluster has addresses of, the default one first. */
export function setServiceDefaults(service: Service, families: readonly string[]): void {
  const { spec } = service;
  if (spec === undefined) return;
  spec.type ||= 'ClusterIP';
  setAffinityDefaults(spec);
  setPortDefaults(spec);
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  setClusterIps(spec);
  if (spec.type !== 'ExternalName') setFamilies(spec, families);
  for (const ingress of service.status?.loadBalancer?.ingress ?? []) {
    if (ingress.ip !== undefined && ingress.ip !== '') ingress.ipMode ??= 'VIP';
  }
}

function setAffinityDefaults(spec: ServiceSpec): void {
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: AFFINITY_SECONDS } };
}

function setPortDefaults(spec: ServiceSpec): void {
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
}

/** `clusterIP` is the first of `clusterIPs`; a client may give either. */
function setClusterIps(spec: ServiceSpec): void {
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP !== undefined && spec.clusterIP !== '' && ips.length === 0) spec.clusterIPs = [spec.clusterIP];
  else if (ips[0] !== undefined && (spec.clusterIP ?? '') === '') spec.clusterIP = ips[0];
}

/** Nothing selects the endpoints of a headless Service without a selector, so that they may be of either family. */
function setFamilies(spec: ServiceSpec, families: readonly string[]): void {
  const isFree = isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= isFree ? 'RequireDualStack' : 'SingleStack';
  if ((spec.ipFamilies ?? []).length === 0) {
    const given = (spec.clusterIPs ?? []).filter((ip) => ip !== HEADLESS && ip !== '').map(familyOf);
    spec.ipFamilies = given.length > 0 ? given : families.slice(0, 1);
  }
  const mayHaveBoth = spec.ipFamilyPolicy !== 'SingleStack' && (isFree || families.length > 1);
  if (mayHaveBoth && spec.ipFamilies?.length === 1) spec.ipFamilies.push(spec.ipFamilies[0] === 'IPv6' ? 'IPv4' : 'IPv6');
}
