import { isDnsLabel, isDnsSubdomain, isQualifiedName, familyOf } from '@keelson/api';
import type { ServicePort } from '@keelson/api/core/v1';
import {
  checkChoice,
  checkOptionalChoice,
  checkPort,
  checkPortNumberOrName,
  checkText,
  PROTOCOLS,
} from '../../validation/checks.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkCidr, checkIp, checkNonSpecialIp, isIpAddress } from '../../validation/ip.ts';
import { checkLabels } from '../../validation/metadata.ts';
import {
  HEADLESS,
  isExternallyAccessible,
  isHeadless,
  needsHealthCheckPort,
  portsOf,
  type Service,
  type ServiceSpec,
} from './service-model.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const AFFINITIES = ['ClientIP', 'None'];
const TRAFFIC_POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
const FAMILIES = ['IPv4', 'IPv6'];
const FAMILY_POLICIES = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
const KUBELET_PORT = 10_250;
const MAX_AFFINITY_SECONDS = 86_400;
const ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'";
const NOT_EXTERNAL_NAME = 'may not be set for ExternalName services';

export function validateService(service: Service): readonly FieldError[] {
  const spec = service.spec ?? {};
  return Field.collect((root) => {
    const at = root.child('spec');
    if (portsOf(spec).length === 0 && !isHeadless(spec) && spec.type !== 'ExternalName') at.child('ports').required();
    checkOfType(spec, at);
    checkPorts(spec, at);
    checkLabels(spec.selector, at.child('selector'));
    checkAffinity(spec, at);
    if (spec.type !== 'ExternalName') checkAddresses(spec, at);
    checkEach(spec.externalIPs, at, 'externalIPs', (ip, ipAt) => {
      checkIp(ip, ipAt);
      checkNonSpecialIp(ip, ipAt);
    });
    checkChoice(spec.type, TYPES, () => at.child('type'));
    checkLoadBalancer(spec, at);
    checkTraffic(spec, at);
  });
}

function checkOfType(spec: ServiceSpec, at: Field): void {
  if (spec.type === 'ExternalName') return checkExternalName(spec, at);
  if (spec.type !== 'LoadBalancer' && spec.type !== 'NodePort') return;
  if (isHeadless(spec)) at.child('clusterIPs').index(0).invalid(HEADLESS, `may not be set to 'None' for ${spec.type} services`);
  if (spec.type === 'NodePort') return;
  checkEach(spec.ports, at, 'ports', ({ port }, portAt) => {
    if (port === KUBELET_PORT) portAt.invalid(port, `may not expose port ${port} externally since it is used by kubelet`);
  });
}

function checkExternalName(spec: ServiceSpec, at: Field): void {
  if ((spec.clusterIPs ?? []).length > 0) at.child('clusterIPs').forbidden(NOT_EXTERNAL_NAME);
  if ((spec.ipFamilies ?? []).length > 0) at.child('ipFamilies').forbidden(NOT_EXTERNAL_NAME);
  if (spec.ipFamilyPolicy !== undefined) at.child('ipFamilyPolicy').forbidden(NOT_EXTERNAL_NAME);
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') at.child('externalName').required();
  else checkText(isDnsSubdomain, name, at.child('externalName'));
}

function checkPorts(spec: ServiceSpec, parent: Field): void {
  const names = new Unique();
  const pairs = new Unique();
  const nodePorts = new Unique();
  const needsName = portsOf(spec).length > 1;
  checkEach(spec.ports, parent, 'ports', (port, at) => {
    checkPortName(port.name ?? '', needsName, names, at);
    checkPort(port.port ?? 0, at.child('port'));
    checkChoice(port.protocol, PROTOCOLS, () => at.child('protocol'));
    checkPortNumberOrName(port.targetPort ?? 0, at.child('targetPort'));
    if (port.appProtocol !== undefined) checkText(isQualifiedName, port.appProtocol, at.child('appProtocol'));
    checkNodePort(port, spec, nodePorts, at);
  });
  checkEach(spec.ports, parent, 'ports', (port, at) => {
    if (!pairs.add(`${port.protocol}/${port.port}`)) at.duplicate(shownPort(port));
  });
}

/** A port as upstream shows it where only its number and protocol matter. */
function shownPort(port: ServicePort): unknown {
  return { Name: '', Protocol: port.protocol, AppProtocol: null, Port: port.port, TargetPort: 0, NodePort: 0 };
}

function checkPortName(name: string, isRequired: boolean, names: Unique, at: Field): void {
  if (name === '') {
    if (isRequired) at.child('name').required();
    return;
  }
  checkText(isDnsLabel, name, at.child('name'));
  if (!names.add(name)) at.child('name').duplicate(name);
}

function checkNodePort(port: ServicePort, spec: ServiceSpec, taken: Unique, at: Field): void {
  if (port.nodePort === undefined || port.nodePort === 0) return;
  if (spec.type === 'ClusterIP' || spec.type === 'ExternalName') {
    at.child('nodePort').forbidden(`may not be used when \`type\` is '${spec.type}'`);
  }
  if (!taken.add(`${port.protocol}/${port.nodePort}`)) at.child('nodePort').duplicate(port.nodePort);
}

function checkAffinity(spec: ServiceSpec, at: Field): void {
  checkChoice(spec.sessionAffinity, AFFINITIES, () => at.child('sessionAffinity'));
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None' && config !== undefined) {
    at.child('sessionAffinityConfig').forbidden('must not be set when session affinity is None');
  }
  if (spec.sessionAffinity !== 'ClientIP') return;
  const seconds = config?.clientIP?.timeoutSeconds;
  if (seconds === undefined) return at.child('sessionAffinityConfig').required('when session affinity type is ClientIP');
  if (seconds > 0 && seconds <= MAX_AFFINITY_SECONDS) return;
  at.child('sessionAffinityConfig')
    .child('clientIP')
    .child('timeoutSeconds')
    .invalid(seconds, `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`);
}

function checkAddresses(spec: ServiceSpec, at: Field): void {
  const { clusterIP = '', clusterIPs = [], ipFamilies = [] } = spec;
  checkOptionalChoice(spec.ipFamilyPolicy, FAMILY_POLICIES, () => at.child('ipFamilyPolicy'));
  const families = new Unique();
  checkEach(ipFamilies, at, 'ipFamilies', (family, familyAt) => {
    if (!FAMILIES.includes(family)) familyAt.notSupported(family, FAMILIES);
    if (!families.add(family)) familyAt.duplicate(family);
  });
  if (spec.ipFamilyPolicy === 'SingleStack') {
    const both = 'must be RequireDualStack or PreferDualStack when multiple';
    if (clusterIPs.length > 1) at.child('ipFamilyPolicy').invalid(spec.ipFamilyPolicy, `${both} cluster IPs are specified`);
    if (ipFamilies.length > 1) at.child('ipFamilyPolicy').invalid(spec.ipFamilyPolicy, `${both} IP families are specified`);
  }
  if (clusterIPs.length === 0) {
    if (clusterIP !== '') at.child('clusterIPs').required();
    return;
  }
  if (clusterIPs[0] !== clusterIP) at.child('clusterIPs').invalid(clusterIPs, 'first value must match `clusterIP`');
  if (clusterIPs.length > 2) at.child('clusterIPs').invalid(clusterIPs, 'may only hold up to 2 values');
  if (clusterIPs[0] === HEADLESS && clusterIPs.length > 1)
    at.child('clusterIPs').invalid(clusterIPs, "'None' must be the first and only value");
  checkEach(clusterIPs, at, 'clusterIPs', (ip, ipAt, position) => {
    if (position === 0 && ip === HEADLESS) return;
    if (!isIpAddress(ip)) ipAt.invalid(ip, "must be empty, 'None', or a valid IP address");
    else if (ipFamilies[position] !== undefined && ipFamilies[position] !== familyOf(ip))
      ipAt.invalid(ip, `expected an ${ipFamilies[position]} value as indicated by \`ipFamilies[${position}]\``);
  });
}

function checkLoadBalancer(spec: ServiceSpec, at: Field): void {
  const isBalancer = spec.type === 'LoadBalancer';
  if ((spec.loadBalancerSourceRanges ?? []).length > 0 && !isBalancer)
    at.child('loadBalancerSourceRanges').forbidden(ONLY_LOAD_BALANCER);
  checkEach(spec.loadBalancerSourceRanges, at, 'loadBalancerSourceRanges', (range, rangeAt) => checkCidr(range.trim(), rangeAt));
  if (isBalancer && spec.allocateLoadBalancerNodePorts === undefined) at.child('allocateLoadBalancerNodePorts').required();
  if (!isBalancer && spec.allocateLoadBalancerNodePorts !== undefined)
    at.child('allocateLoadBalancerNodePorts').forbidden(ONLY_LOAD_BALANCER);
  if (spec.loadBalancerClass === undefined) return;
  if (isBalancer) checkText(isQualifiedName, spec.loadBalancerClass, at.child('loadBalancerClass'));
  else at.child('loadBalancerClass').forbidden(ONLY_LOAD_BALANCER);
}

function checkTraffic(spec: ServiceSpec, at: Field): void {
  const policy = spec.externalTrafficPolicy ?? '';
  if (isExternallyAccessible(spec)) checkChoice(policy, TRAFFIC_POLICIES, () => at.child('externalTrafficPolicy'));
  else if (policy !== '') at.child('externalTrafficPolicy').invalid(policy, 'may only be set for externally-accessible services');
  const health = spec.healthCheckNodePort ?? 0;
  if (health !== 0 && !needsHealthCheckPort(spec)) {
    at.child('healthCheckNodePort').invalid(
      health,
      "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    );
  }
  if (spec.type !== 'ExternalName')
    checkChoice(spec.internalTrafficPolicy, TRAFFIC_POLICIES, () => at.child('internalTrafficPolicy'));
  checkOptionalChoice(spec.trafficDistribution, DISTRIBUTIONS, () => at.child('trafficDistribution'));
}
