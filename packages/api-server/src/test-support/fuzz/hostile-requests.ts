import { apiVersionOf, facts, type ResourceFact } from '@keelson/api';
import { stringify as stringifyYaml } from 'yaml';
import { encodeObject, PROTOBUF } from '../../protobuf/index.ts';
import { anything, objectOf, textOf } from './hostile-values.ts';
import type { Random } from './random.ts';

/** A request as it goes over the wire, but for its framing. */
export interface HostileRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

const METHODS = ['GET', 'POST', 'POST', 'POST', 'PUT', 'PUT', 'PATCH', 'PATCH', 'PATCH', 'DELETE'] as const;
const OTHER_METHODS = ['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;
const NAMES = [
  'a',
  'a',
  'b',
  'default',
  'kube-system',
  '%2e%2e',
  'a%2Fb',
  '%ff',
  '%',
  '__proto__',
  'A',
  'x'.repeat(260),
] as const;
const SUBRESOURCES = [
  'status',
  'scale',
  'binding',
  'eviction',
  'log',
  'exec',
  'token',
  'approval',
  'finalize',
  'resize',
  'proxy',
  'nothing',
] as const;
const PATHS = [
  '/',
  '/api',
  '/apis/',
  '/apis/apps',
  '/version',
  '/healthz?exclude=x',
  '/readyz/none',
  '/livez?verbose',
  '/openapi/v3',
  '/openapi/v3/apis/apps/v1?hash=0',
  '/openapi/v2',
  '//',
  '/api//v1///pods',
  '/api/v1/watch',
  '/api/v1/watch/pods/a',
  '/api/v1/proxy/x',
  '/apis/apps/v1/%00',
  '/%E0%A4%A',
] as const;
const PARAMETERS = [
  'watch',
  'labelSelector',
  'fieldSelector',
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'timeoutSeconds',
  'sendInitialEvents',
  'allowWatchBookmarks',
  'pretty',
  'dryRun',
  'fieldValidation',
  'fieldManager',
  'force',
  'gracePeriodSeconds',
  'propagationPolicy',
  'orphanDependents',
  'includeObject',
  'container',
  'tailLines',
  'sinceTime',
  '__proto__',
] as const;
const VALUES = [
  '',
  '0',
  '1',
  '-1',
  'true',
  'All',
  'Exact',
  'NotOlderThan',
  'Strict',
  'Orphan',
  'a in (b,c),!d',
  'a=b,',
  'metadata.name=a',
  'spec.x!=y',
  '!',
  '((((',
  '1e9',
  '99999999999999999999',
  'None',
  '%ff%fe',
  '+',
  '%',
  'eyJ2IjoieCJ9',
] as const;
const OBJECT_TYPES = ['application/json', 'application/json', 'application/yaml', PROTOBUF, ''] as const;
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;
const ODD_TYPES = ['text/plain', ';;;', 'application/json;charset=utf-16', ...OBJECT_TYPES, ...PATCH_TYPES] as const;
const USUAL_ACCEPTS = ['*/*', 'application/json', `${PROTOBUF},application/json`] as const;
const ACCEPTS = [
  'application/yaml',
  PROTOBUF,
  `${PROTOBUF},application/json`,
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'text/html',
  ',;q=,=',
  'application/json;q=x',
] as const;
const RESOURCES = facts().resources as readonly [ResourceFact, ...ResourceFact[]];
const JUNK = [
  '{',
  '[',
  'null',
  '""',
  '{"a":',
  '{"metadata":{"name":"a"},"metadata":{}}',
  '\ufeff{}',
  'a: &a [*a]',
  '!!js/function x',
] as const;

/** A request that a careless or malicious client could send, to any path of the API. */
export function hostileRequest(random: Random): HostileRequest {
  const resource = random.pick(RESOURCES);
  const method = random.chance(0.95) ? random.pick(METHODS) : random.pick(OTHER_METHODS);
  const type = typeFor(random, method);
  const headers: [string, string][] = [['Accept', random.chance(0.7) ? random.pick(USUAL_ACCEPTS) : random.pick(ACCEPTS)]];
  if (type !== '') headers.push(['Content-Type', type]);
  if (random.chance(0.05)) headers.push(['Accept-Encoding', random.pick(['gzip', 'br;q=2', '*'])]);
  if (random.chance(0.02)) headers.push(['Impersonate-Group', 'x']);
  if (random.chance(0.02)) headers.push(['Audit-Id', textOf(random).replaceAll(/[^ -~]/g, '')]);
  const target = random.chance(0.05) ? random.pick(PATHS) : pathOf(random, resource, method);
  const hasBody = method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
  return {
    method,
    target: target + queryOf(random, target),
    headers,
    body: hasBody ? bodyOf(random, resource, type) : Buffer.alloc(0),
  };
}

function typeFor(random: Random, method: string): string {
  if (random.chance(0.03)) return random.pick(ODD_TYPES);
  return method === 'PATCH' ? random.pick(PATCH_TYPES) : random.pick(OBJECT_TYPES);
}

function pathOf(random: Random, { group, version, plural, namespaced, subresources = {} }: ResourceFact, method: string): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const isScoped = random.chance(0.05) ? !namespaced : namespaced;
  const scope = isScoped ? `/namespaces/${random.chance(0.9) ? 'default' : random.pick(NAMES)}` : '';
  const isCollection = method === 'POST' ? random.chance(0.9) : random.chance(0.3);
  if (isCollection) return `${root}${scope}/${plural}`;
  const own = Object.keys(subresources);
  const known = own[random.below(own.length)] ?? random.pick(SUBRESOURCES);
  const tail = random.chance(0.4) ? `/${random.chance(0.8) ? known : random.pick(SUBRESOURCES)}` : '';
  return `${root}${scope}/${plural}/${random.chance(0.8) ? 'a' : random.pick(NAMES)}${tail}${random.chance(0.02) ? '/more/' : ''}`;
}

function queryOf(random: Random, path: string): string {
  const parameters = random.times(3, () => `${random.pick(PARAMETERS)}=${encoded(random)}`);
  // A revision that is not there yet is waited for, which only takes time.
  const query = parameters.filter((text) => !text.startsWith('resourceVersion=9')).join('&');
  if (query === '' || random.chance(0.3)) return '';
  return `${path.includes('?') ? '&' : '?'}${query}`;
}

function encoded(random: Random): string {
  const value = random.pick(VALUES);
  return random.chance(0.8) && !value.startsWith('%') ? encodeURIComponent(value) : value.replaceAll(/[^!-~]/g, '+');
}

function bodyOf(random: Random, resource: ResourceFact, type: string): Buffer {
  if (random.chance(0.03)) return random.bytes(random.below(60));
  if (random.chance(0.03)) return Buffer.from(random.pick(JUNK));
  if (type === 'application/json-patch+json') return Buffer.from(JSON.stringify(random.times(4, () => operation(random))));
  const value = random.chance(0.02) ? anything(random) : objectFor(random, resource);
  if (type === PROTOBUF) return protobufOf(random, resource, value);
  const text = type.includes('yaml') ? stringifyYaml(value) : JSON.stringify(value);
  return spoiled(random, Buffer.from(text));
}

function objectFor(random: Random, resource: ResourceFact): Record<string, unknown> {
  const object = objectOf(random, resource.def);
  const head = random.chance(0.9) ? { apiVersion: apiVersionOf(resource), kind: resource.kind } : {};
  const metadata = {
    ...(random.chance(0.1) ? (object['metadata'] as object) : {}),
    name: random.chance(0.9) ? 'a' : textOf(random),
  };
  return { ...object, ...head, ...(random.chance(0.95) && { metadata }) };
}

function operation(random: Random): object {
  const path = random.pick([
    '/metadata/labels/a',
    '/spec',
    '/data/x',
    '/spec/containers/0/image',
    '',
    '/',
    '/a~2b',
    '/-',
    '/metadata/name',
  ]);
  const op = random.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'nothing']);
  return { op, path, from: random.pick(['/metadata', '/spec', '/none', '']), value: anything(random) };
}

function protobufOf(random: Random, resource: ResourceFact, value: unknown): Buffer {
  const head = { kind: resource.kind, apiVersion: apiVersionOf(resource) };
  try {
    return spoiled(random, encodeObject({ ...(value as object), ...head }));
  } catch {
    // Of a shape that no message has.
    return Buffer.concat([Buffer.from('k8s\0'), random.bytes(40)]);
  }
}

/** Now and then a byte that is not as it should be, or an end before the end. */
function spoiled(random: Random, bytes: Buffer): Buffer {
  if (bytes.length === 0 || random.chance(0.9)) return bytes;
  if (random.chance(0.3)) return bytes.subarray(0, random.below(bytes.length));
  for (let left = random.below(3) + 1; left > 0; left -= 1) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}
