import { isConfigMapKey, isEnvVarName, isQualifiedName } from '@keelson/api';
import type {
  Container,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '@keelson/api/core/v1';
import { checkNamed, checkPresent } from '../../validation/checks.ts';
import { checkEach, type Field } from '../../validation/field.ts';
import { isHugePages } from '../../validation/quantities.ts';

const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELDS: readonly string[] = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
const KNOWN_FIELDS = new Set([
  ...ENV_FIELDS,
  ...VOLUME_FIELDS,
  'spec.host',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.hostNetwork',
  'status.phase',
  'status.nominatedNodeName',
]);
const RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const BYTE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const TWO_SOURCES = 'may not have more than one field specified at a time';

export function checkEnvironment(container: Pick<Container, 'env' | 'envFrom'>, at: Field): void {
  checkEach(container.env, at, 'env', checkVariable);
  checkEach(container.envFrom, at, 'envFrom', checkSource);
}

function checkVariable(variable: EnvVar, at: Field): void {
  if (checkPresent(variable.name, at, 'name')) checkNamed(isEnvVarName, variable.name, at, 'name');
  if (variable.valueFrom !== undefined) checkValueFrom(variable.valueFrom, (variable.value ?? '') !== '', at.child('valueFrom'));
}

const SOURCES = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'] as const;

function checkValueFrom(from: EnvVarSource, hasValue: boolean, at: Field): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = from;
  if (fieldRef !== undefined) checkFieldRef(fieldRef, ENV_FIELDS, at.child('fieldRef'));
  if (resourceFieldRef !== undefined) checkResourceFieldRef(resourceFieldRef, false, at.child('resourceFieldRef'));
  if (configMapKeyRef !== undefined) checkKeyRef(configMapKeyRef, at.child('configMapKeyRef'));
  if (secretKeyRef !== undefined) checkKeyRef(secretKeyRef, at.child('secretKeyRef'));
  if (fileKeyRef !== undefined) checkFileKeyRef(fileKeyRef, at.child('fileKeyRef'));
  const count = SOURCES.filter((name) => from[name] !== undefined).length;
  if (count === 0) {
    at.invalid('', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`');
  } else if (hasValue) {
    at.invalid('', 'may not be specified when `value` is not empty');
  } else if (count > 1) {
    at.invalid('', TWO_SOURCES);
  }
}

function checkKeyRef(ref: { name?: string | undefined; key: string }, at: Field): void {
  checkPresent(ref.name, at, 'name');
  if (checkPresent(ref.key, at, 'key')) checkNamed(isConfigMapKey, ref.key, at, 'key');
}

function checkFileKeyRef(ref: NonNullable<EnvVarSource['fileKeyRef']>, at: Field): void {
  if (checkPresent(ref.key, at, 'key')) checkNamed(isEnvVarName, ref.key, at, 'key');
  checkPresent(ref.volumeName, at, 'volumeName');
  checkPresent(ref.path, at, 'path');
}

const SUBSCRIPTED = /^(.*)\['([^']*)'\]$/;

/** A reference to a field of the pod itself; `supported` are those that can be read at this place, besides single labels and annotations. */
export function checkFieldRef(ref: ObjectFieldSelector, supported: readonly string[], at: Field): void {
  if (!checkPresent(ref.apiVersion, at, 'apiVersion') || !checkPresent(ref.fieldPath, at, 'fieldPath')) return;
  const [, path, key] = SUBSCRIPTED.exec(ref.fieldPath) ?? [];
  if (path !== undefined && key !== undefined) return checkSubscript(path, key, at);
  if (!KNOWN_FIELDS.has(ref.fieldPath)) {
    at.child('fieldPath').invalid(ref.fieldPath, `error converting fieldPath: field label not supported: ${ref.fieldPath}`);
  } else if (!supported.includes(ref.fieldPath)) {
    at.child('fieldPath').notSupported(ref.fieldPath, supported);
  }
}

function checkSubscript(path: string, key: string, at: Field): void {
  if (path !== 'metadata.labels' && path !== 'metadata.annotations') return at.invalid(path, 'does not support subscript');
  const checked = path === 'metadata.annotations' ? key.toLowerCase() : key;
  for (const message of isQualifiedName(checked)) at.invalid(key, message);
}

/** A reference to a container's requests or limits; in a volume it must say of which container. */
export function checkResourceFieldRef(ref: ResourceFieldSelector, isVolume: boolean, at: Field): void {
  if (isVolume && (ref.containerName ?? '') === '') return at.child('containerName').required();
  if (!checkPresent(ref.resource, at, 'resource')) return;
  const [, resource = ''] = /^(?:limits|requests)\.(.*)$/.exec(ref.resource) ?? [];
  if (!RESOURCES.includes(ref.resource) && !isHugePages(resource))
    return at.child('resource').notSupported(ref.resource, RESOURCES);
  checkDivisor(resource, String(ref.divisor ?? '0'), at);
}

function checkDivisor(resource: string, divisor: string, at: Field): void {
  const isCpu = resource === 'cpu';
  const supported = isCpu ? ['1m', '1'] : BYTE_DIVISORS;
  if (divisor === '0' || divisor === '' || supported.includes(divisor)) return;
  const list = isCpu ? '1m and 1' : supported.join(', ');
  const title = resource === 'ephemeral-storage' ? 'local ephemeral storage' : isHugePages(resource) ? 'hugepages' : resource;
  at.child('divisor').invalid(divisor, `only divisor's values ${list} are supported with the ${title} resource`);
}

function checkSource(source: EnvFromSource, at: Field): void {
  checkNamed(isEnvVarName, source.prefix, at, 'prefix');
  const { configMapRef, secretRef } = source;
  if (configMapRef !== undefined) checkPresent(configMapRef.name, at.child('configMapRef'), 'name');
  if (secretRef !== undefined) checkPresent(secretRef.name, at.child('secretRef'), 'name');
  if (configMapRef === undefined && secretRef === undefined) at.invalid('', 'must specify one of: `configMapRef` or `secretRef`');
  else if (configMapRef !== undefined && secretRef !== undefined) at.invalid('', TWO_SOURCES);
}
