import type { FieldError } from '../../validation/field-error.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import {
  isExternallyAccessible,
  mayHaveNodePorts,
  needsClusterIp,
  needsHealthCheckPort,
  portsOf,
  type Service,
  type ServiceSpec,
} from './service-model.ts';

/** What a client left out because it does not know it is kept; what the new type has no use for is let go, unless the client changed it. */
export function prepareServiceUpdate(service: Service, old: Readonly<Service>): void {
  const { spec } = service;
  const before = old.spec;
  if (spec === undefined || before === undefined) return;
  keepClusterIps(spec, before);
  if (needsClusterIp(spec) && needsClusterIp(before)) keepFamilies(spec, before);
  if (mayHaveNodePorts(spec) && mayHaveNodePorts(before)) keepNodePorts(spec, before);
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(before)) spec.healthCheckNodePort ||= before.healthCheckNodePort;
  dropClusterIps(spec, before);
  dropNodePorts(spec, before);
  dropLoadBalancer(spec, before);
}

function keepClusterIps(spec: ServiceSpec, before: ServiceSpec): void {
  const isSameList = sameJson(spec.clusterIPs, before.clusterIPs);
  const clusterIp = spec.clusterIP ?? '';
  if (isSameList && clusterIp !== '' && clusterIp !== before.clusterIP) spec.clusterIPs = [clusterIp];
  if (!needsClusterIp(spec) || !needsClusterIp(before)) {
    if (isSameList && clusterIp === '') delete spec.clusterIPs;
    return;
  }
  if (clusterIp === '' && (spec.clusterIPs ?? []).length === 0) spec.clusterIP = before.clusterIP;
  if ((spec.clusterIPs ?? []).length === 0 && spec.clusterIP === before.clusterIP)
    spec.clusterIPs = before.clusterIPs && [...before.clusterIPs];
}

/** A client that knows nothing of families keeps them; one that now wants a single one lets go of the second. */
function keepFamilies(spec: ServiceSpec, before: ServiceSpec): void {
  spec.ipFamilyPolicy ??= before.ipFamilyPolicy;
  if (spec.ipFamilyPolicy === before.ipFamilyPolicy) {
    if ((spec.ipFamilies ?? []).length === 0) spec.ipFamilies = before.ipFamilies && [...before.ipFamilies];
  } else if (spec.ipFamilyPolicy === 'SingleStack') {
    for (const name of ['clusterIPs', 'ipFamilies'] as const) {
      if (spec[name]?.length === 2 && sameJson(spec[name], before[name])) spec[name] = spec[name].slice(0, 1);
    }
  }
}

/** By number and protocol, unless the client has given the node port to another port. */
function keepNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  const used = new Set(portsOf(spec).map(({ protocol, nodePort }) => `${protocol ?? 'TCP'}/${nodePort}`));
  for (const port of spec.ports ?? []) {
    if (port.nodePort !== undefined && port.nodePort !== 0) continue;
    const protocol = port.protocol ?? 'TCP';
    const same = portsOf(before).find((other) => other.port === port.port && (other.protocol ?? 'TCP') === protocol);
    if (same?.nodePort !== undefined && !used.has(`${protocol}/${same.nodePort}`)) port.nodePort = same.nodePort;
  }
}

function dropClusterIps(spec: ServiceSpec, before: ServiceSpec): void {
  if (needsClusterIp(spec) || !needsClusterIp(before)) return;
  if (sameOrAbsent(spec.clusterIP, before.clusterIP) && sameOrAbsent(spec.clusterIPs, before.clusterIPs)) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
  }
  if (sameOrAbsent(spec.ipFamilies, before.ipFamilies)) delete spec.ipFamilies;
  if (spec.ipFamilyPolicy === before.ipFamilyPolicy) delete spec.ipFamilyPolicy;
  if (spec.internalTrafficPolicy === before.internalTrafficPolicy) delete spec.internalTrafficPolicy;
}

function dropNodePorts(spec: ServiceSpec, before: ServiceSpec): void {
  if (mayHaveNodePorts(spec) || !mayHaveNodePorts(before)) return;
  const known = new Set(portsOf(before).map(({ nodePort }) => nodePort));
  if (!portsOf(spec).every(({ nodePort }) => !nodePort || known.has(nodePort))) return;
  for (const port of spec.ports ?? []) delete port.nodePort;
}

function dropLoadBalancer(spec: ServiceSpec, before: ServiceSpec): void {
  if (needsHealthCheckPort(before) && !needsHealthCheckPort(spec) && spec.healthCheckNodePort === before.healthCheckNodePort) {
    delete spec.healthCheckNodePort;
  }
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer') {
    if (spec.allocateLoadBalancerNodePorts === before.allocateLoadBalancerNodePorts) delete spec.allocateLoadBalancerNodePorts;
    if (spec.loadBalancerClass === before.loadBalancerClass) delete spec.loadBalancerClass;
  }
  if (
    isExternallyAccessible(before) &&
    !isExternallyAccessible(spec) &&
    spec.externalTrafficPolicy === before.externalTrafficPolicy
  ) {
    delete spec.externalTrafficPolicy;
  }
}

function sameOrAbsent(value: unknown, before: unknown): boolean {
  return value === undefined || value === '' || sameJson(value, before);
}

export function validateServiceUpdate(service: Service, old: Readonly<Service>): readonly FieldError[] {
  const spec = service.spec ?? {};
  const before = old.spec ?? {};
  return Field.collect((root) => {
    const at = root.child('spec');
    if (needsClusterIp(spec) && needsClusterIp(before)) checkFixedAddresses(spec, before, at);
    if (spec.type === 'LoadBalancer' && before.type === 'LoadBalancer' && spec.loadBalancerClass !== before.loadBalancerClass) {
      at.child('loadBalancerClass').invalid(spec.loadBalancerClass, 'may not change once set');
    }
    if (needsHealthCheckPort(spec) && needsHealthCheckPort(before) && spec.healthCheckNodePort !== before.healthCheckNodePort) {
      at.child('healthCheckNodePort').forbidden('field is immutable');
    }
  });
}

const FAMILY_WORDS = { clusterIPs: 'clusterIP', ipFamilies: 'ipFamily' } as const;

/** The first address and the first family stay; a second one may come, and go if a single one is wanted. */
function checkFixedAddresses(spec: ServiceSpec, before: ServiceSpec, at: Field): void {
  for (const name of ['clusterIPs', 'ipFamilies'] as const) {
    const [old, now] = [before[name] ?? [], spec[name] ?? []];
    const [first, second] = old;
    if (first !== undefined && now[0] !== first) {
      const problem = now.length === 0 ? `primary ${FAMILY_WORDS[name]} can not be unset` : 'may not change once set';
      at.child(name).index(0).invalid(now, problem);
    }
    if (second === undefined || now[1] === second) continue;
    if (now.length > 1) at.child(name).index(1).invalid(now, 'may not change once set');
    else if (now.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') {
      const problem = `must be set to 'SingleStack' when releasing the secondary ${FAMILY_WORDS[name]}`;
      at.child('ipFamilyPolicy').invalid(spec.ipFamilyPolicy, problem);
    }
  }
}
