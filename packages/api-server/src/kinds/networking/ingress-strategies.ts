import {
  isDns1035Label,
  isDnsLabel,
  isDnsSubdomain,
  isPathSegmentName,
  isValidPortName,
  isWildcardDnsSubdomain,
} from '@keelson/api';
import type { TypedLocalObjectReference } from '@keelson/api/core/v1';
import type {
  Ingress,
  IngressBackend,
  IngressClass,
  IngressClassParametersReference,
  IngressRule,
  IngressStatus,
} from '@keelson/api/networking/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkDomainPrefixedPath, checkFixed, checkNamed, checkPort, checkPresent, checkText } from '../../validation/checks.ts';
import { checkEach, Field } from '../../validation/field.ts';
import { isIpAddress } from '../../validation/ip.ts';

const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const SCOPES = ['Cluster', 'Namespace'];
const MAX_CONTROLLER_BYTES = 250;

export const ingressStrategy: Strategy<Ingress> = {
  warnings: ({ metadata, spec }, old) =>
    old || metadata?.annotations?.[CLASS_ANNOTATION] === undefined || spec?.ingressClassName !== undefined
      ? []
      : [`annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`],
  prepareForCreate: (ingress) => void (ingress.status = { loadBalancer: {} }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      if ((spec?.rules ?? []).length === 0 && spec?.defaultBackend === undefined)
        at.invalid(spec?.rules ?? null, 'either `defaultBackend` or `rules` must be specified');
      if (spec?.defaultBackend !== undefined) checkBackend(spec.defaultBackend, at.child('defaultBackend'));
      checkEach(spec?.rules, at, 'rules', checkIngressRule);
      checkEach(spec?.tls, at, 'tls', ({ hosts, secretName }, tlsAt) => {
        checkEach(hosts, tlsAt, 'hosts', checkHost);
        checkNamed(isDnsSubdomain, secretName, tlsAt, 'secretName');
      });
      checkNamed(isDnsSubdomain, spec?.ingressClassName, at, 'ingressClassName');
    }),
  validateCreate: ({ metadata, spec }) =>
    Field.collect((at) => {
      const annotation = metadata?.annotations?.[CLASS_ANNOTATION];
      if (annotation === undefined || spec?.ingressClassName === undefined || annotation === spec.ingressClassName) return;
      const problem = 'must match `ingressClassName` when both are specified';
      at.child('metadata').child('annotations').child(CLASS_ANNOTATION).invalid(annotation, problem);
    }),
  validateStatusUpdate: ({ status }) => Field.collect((at) => checkLoadBalancerStatus(status, at.child('status'))),
};

/** Addresses at which something outside of the cluster serves. */
function checkLoadBalancerStatus(status: IngressStatus | undefined, at: Field): void {
  checkEach(status?.loadBalancer?.ingress, at.child('loadBalancer'), 'ingress', ({ ip = '', hostname = '' }, ingressAt) => {
    if (ip !== '' && !isIpAddress(ip))
      ingressAt.child('ip').invalid(ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)');
    if (hostname === '') return;
    checkText(isDnsSubdomain, hostname, ingressAt.child('hostname'));
    if (isIpAddress(hostname)) ingressAt.child('hostname').invalid(hostname, 'must be a DNS name, not an IP address');
  });
}

function checkIngressRule(rule: IngressRule, at: Field): void {
  const host = rule.host ?? '';
  if (isIpAddress(host)) at.child('host').invalid(host, 'must be a DNS name, not an IP address');
  else if (host !== '') checkHost(host, at.child('host'));
  if (rule.http === undefined) return;
  if ((rule.http.paths ?? []).length === 0) at.child('http').child('paths').required();
  checkEach(rule.http.paths, at.child('http'), 'paths', (path, pathAt) => {
    const { pathType, backend } = asSent(path);
    if (pathType === undefined) return pathAt.child('pathType').required('pathType must be specified');
    if (!PATH_TYPES.includes(pathType)) pathAt.child('pathType').notSupported(pathType, PATH_TYPES);
    else checkPath(path.path ?? '', pathType, pathAt.child('path'));
    checkBackend(backend, pathAt.child('backend'));
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
  if (service !== undefined && resource !== undefined) return at.invalid('', 'cannot set both resource and service backends');
  if (resource !== undefined) return checkLocalReference(resource, at.child('resource'));
  if (service === undefined) return at.invalid('', 'resource or service backend is required');
  const serviceAt = at.child('service');
  if (checkPresent(service.name, serviceAt, 'name')) checkNamed(isDns1035Label, service.name, serviceAt, 'name');
  const { name = '', number = 0 } = service.port ?? {};
  if (name !== '' && number !== 0) at.invalid('', 'cannot set both port name & port number');
  else if (name !== '') checkText(isValidPortName, name, serviceAt.child('port').child('name'));
  else if (number !== 0) checkPort(number, serviceAt.child('port').child('number'));
  else at.required('port name or number is required');
}

function checkLocalReference({ apiGroup, kind, name }: Partial<TypedLocalObjectReference>, at: Field): void {
  if (apiGroup !== undefined) checkText(isDnsSubdomain, apiGroup, at.child('apiGroup'));
  for (const [field, value] of [
    ['kind', kind],
    ['name', name],
  ] as const) {
    if (value === undefined || value === '') at.child(field).required(`${field} is required`);
    else checkText(isPathSegmentName, value, at.child(field));
  }
}

export const ingressClassStrategy: Strategy<IngressClass> = {
  setDefaults({ spec }) {
    if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
  },
  validate: ({ spec }) => Field.collect((root) => checkIngressClass(spec ?? {}, root.child('spec'))),
  validateUpdate: ({ spec }, old) =>
    Field.collect((at) => checkFixed(spec?.controller, old.spec?.controller, at.child('spec'), 'controller')),
  hasGeneration: true,
};

function checkIngressClass({ controller = '', parameters }: NonNullable<IngressClass['spec']>, at: Field): void {
  if (Buffer.byteLength(controller) > MAX_CONTROLLER_BYTES) at.child('controller').tooLong(MAX_CONTROLLER_BYTES);
  checkDomainPrefixedPath(controller, at.child('controller'));
  if (parameters !== undefined) checkParameters(parameters, at.child('parameters'));
}

function checkParameters(parameters: IngressClassParametersReference, at: Field): void {
  checkLocalReference(parameters, at);
  const { scope, namespace } = parameters;
  if (scope === undefined) return at.child('scope').required();
  if (!SCOPES.includes(scope)) return at.child('scope').notSupported(scope, SCOPES);
  if (scope === 'Cluster') {
    if (namespace !== undefined) at.child('namespace').forbidden("`parameters.scope` is set to 'Cluster'");
  } else if (namespace === undefined) {
    at.child('namespace').required("`parameters.scope` is set to 'Namespace'");
  } else {
    checkText(isDnsLabel, namespace, at.child('namespace'));
  }
}
