import { isDnsSubdomain, isWildcardDnsSubdomain, isValidPortName } from '@keelson/api';
import type {
  Ingress,
  IngressBackend,
  IngressClass,
  IngressRule,
  IPAddress,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  ServiceCIDR,
} from '@keelson/api/networking/v1';
import type { Strategy } from '../../registry/strategy.ts';
import {
  checkNamed,
  checkOptionalChoice,
  checkPort,
  checkPortNumberOrName,
  checkPresent,
  checkText,
  PROTOCOLS,
} from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { checkEach, Field } from '../../validation/field.ts';
import { checkCidr, isCidr, isIpAddress } from '../../validation/ip.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];

export const ingressStrategy: Strategy<Ingress> = {
  prepareForCreate: (ingress) => void (ingress.status = { loadBalancer: {} }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      if ((spec?.rules ?? []).length === 0 && spec?.defaultBackend === undefined)
        at.invalid(spec?.rules ?? [], 'either `defaultBackend` or `rules` must be specified');
      if (spec?.defaultBackend !== undefined) checkBackend(spec.defaultBackend, at.child('defaultBackend'));
      checkEach(spec?.rules, at, 'rules', checkIngressRule);
      checkEach(spec?.tls, at, 'tls', ({ hosts }, tlsAt) => checkEach(hosts, tlsAt, 'hosts', checkHost));
      checkNamed(isDnsSubdomain, spec?.ingressClassName, at, 'ingressClassName');
    }),
};

function checkIngressRule(rule: IngressRule, at: Field): void {
  const host = rule.host ?? '';
  if (isIpAddress(host)) at.child('host').invalid(host, 'must be a DNS name, not an IP address');
  else if (host !== '') checkHost(host, at.child('host'));
  if (rule.http === undefined) return;
  if ((rule.http.paths ?? []).length === 0) at.child('http').child('paths').required();
  checkEach(rule.http.paths, at.child('http'), 'paths', (path, pathAt) => {
    if (path.pathType === undefined) pathAt.child('pathType').required('pathType must be specified');
    else if (!PATH_TYPES.includes(path.pathType)) pathAt.child('pathType').notSupported(path.pathType, PATH_TYPES);
    else checkPath(path.path ?? '', path.pathType, pathAt.child('path'));
    checkBackend(path.backend, pathAt.child('backend'));
  });
}

const FORBIDDEN_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const FORBIDDEN_ENDS = ['/..', '/.'];

function checkPath(path: string, pathType: string, at: Field): void {
  const isFree = pathType === 'ImplementationSpecific';
  if (!path.startsWith('/') && !(isFree && path === '')) at.invalid(path, 'must be an absolute path');
  if (isFree || path === '') return;
  for (const sequence of FORBIDDEN_SEQUENCES) {
    if (path.includes(sequence)) at.invalid(path, `must not contain '${sequence}'`);
  }
  for (const end of FORBIDDEN_ENDS) {
    if (path.endsWith(end)) at.invalid(path, `cannot end with '${end}'`);
  }
}

function checkHost(host: string, at: Field): void {
  checkText(host.includes('*') ? isWildcardDnsSubdomain : isDnsSubdomain, host, at);
}

function checkBackend(backend: IngressBackend | undefined, at: Field): void {
  const { service, resource } = backend ?? {};
  if (service === undefined && resource === undefined) return at.required('service or resource must be specified');
  if (service !== undefined && resource !== undefined) return at.invalid('', 'cannot set both resource and service backends');
  if (service === undefined) return;
  const serviceAt = at.child('service');
  checkPresent(service.name, serviceAt, 'name');
  const { name = '', number = 0 } = service.port ?? {};
  if (name !== '' && number !== 0) serviceAt.invalid('', 'cannot set both port name & port number');
  else if (name !== '') checkText(isValidPortName, name, serviceAt.child('port').child('name'));
  else if (number !== 0) checkPort(number, serviceAt.child('port').child('number'));
  else serviceAt.required('port name or number is required');
}

export const ingressClassStrategy: Strategy<IngressClass> = {
  setDefaults({ spec }) {
    if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
  },
  validate: ({ spec }) => Field.collect((at) => void checkPresent(spec?.controller, at.child('spec'), 'controller')),
  validateUpdate: ({ spec }, old) =>
    Field.collect((at) => {
      if (spec?.controller !== old.spec?.controller)
        at.child('spec').child('controller').invalid(spec?.controller, 'field is immutable');
    }),
  hasGeneration: true,
};

/** A spec whose list of types is a list. */
type Policy = Omit<NetworkPolicy, 'spec'> & {
  spec?: (Omit<NonNullable<NetworkPolicy['spec']>, 'policyTypes'> & { policyTypes?: string[] | undefined }) | undefined;
};

export const networkPolicyStrategy: Strategy<Policy> = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    }
    if ((spec.policyTypes ?? []).length === 0)
      spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkLabelSelector(spec?.podSelector, at.child('podSelector'));
      checkEach(spec?.ingress, at, 'ingress', (rule, ruleAt) => {
        checkEach(rule.ports, ruleAt, 'ports', checkPolicyPort);
        checkEach(rule.from, ruleAt, 'from', checkPeer);
      });
      checkEach(spec?.egress, at, 'egress', (rule, ruleAt) => {
        checkEach(rule.ports, ruleAt, 'ports', checkPolicyPort);
        checkEach(rule.to, ruleAt, 'to', checkPeer);
      });
      const types = spec?.policyTypes ?? [];
      if (types.length > 2) at.child('policyTypes').invalid(types, 'may not specify more than two policyTypes');
      checkEach(types, at, 'policyTypes', (type, typeAt) => {
        if (type !== 'Ingress' && type !== 'Egress') typeAt.notSupported(type, ['Ingress', 'Egress']);
      });
    }),
  hasGeneration: true,
};

function checkPolicyPort({ protocol, port, endPort }: NetworkPolicyPort, at: Field): void {
  checkOptionalChoice(protocol, PROTOCOLS, () => at.child('protocol'));
  if (port !== undefined) checkPortNumberOrName(port, at.child('port'));
  if (endPort === undefined) return;
  if (port === undefined) return at.child('endPort').invalid(endPort, 'may not be specified when `port` is not specified');
  if (typeof port === 'string') return at.child('endPort').invalid(endPort, 'may not be specified when `port` is non-numeric');
  if (endPort < port) at.child('endPort').invalid(endPort, 'must be greater than or equal to `port`');
  else checkPort(endPort, at.child('endPort'));
}

function checkPeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, at: Field): void {
  checkLabelSelector(podSelector, at.child('podSelector'));
  checkLabelSelector(namespaceSelector, at.child('namespaceSelector'));
  if (ipBlock === undefined) {
    if (podSelector === undefined && namespaceSelector === undefined) at.required('must specify a peer');
    return;
  }
  if (podSelector !== undefined || namespaceSelector !== undefined) at.forbidden('may not specify both ipBlock and another peer');
  const blockAt = at.child('ipBlock');
  if (checkPresent(ipBlock.cidr, blockAt, 'cidr')) checkCidr(ipBlock.cidr, blockAt.child('cidr'));
  checkEach(ipBlock.except, blockAt, 'except', (cidr, exceptAt) => {
    if (!isCidr(cidr)) exceptAt.invalid(cidr, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)');
  });
}

export const ipAddressStrategy: Strategy<IPAddress> = {
  validate: (address) =>
    Field.collect((at) => {
      const name = address.metadata?.name ?? '';
      if (!isIpAddress(name))
        at.child('metadata').child('name').invalid(name, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
      if (address.spec?.parentRef === undefined) at.child('spec').child('parentRef').required();
    }),
  hasGeneration: false,
};

export const serviceCidrStrategy: Strategy<ServiceCIDR> = {
  prepareForCreate: (range) => void (range.status = {}),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      const count = (spec?.cidrs ?? []).length;
      if (count === 0) at.child('cidrs').required('at least one CIDR required');
      if (count > 2) at.child('cidrs').invalid(spec, 'may only hold up to 2 values');
      checkEach(spec?.cidrs, at, 'cidrs', checkCidr);
    }),
  validateUpdate: ({ spec }, old) =>
    Field.collect((at) => {
      if (!sameJson(spec?.cidrs, old.spec?.cidrs)) at.child('spec').child('cidrs').invalid(spec?.cidrs, 'field is immutable');
    }),
  hasGeneration: false,
};
