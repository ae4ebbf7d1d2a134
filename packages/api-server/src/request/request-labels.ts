import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { RequestInfo } from './request-info.ts';

/** What a request was, for its metrics. Only names that the server knows, or clients could make it count without end. */
export interface RequestLabels {
  readonly verb: string;
  readonly dryRun: '' | 'All';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly scope: '' | 'resource' | 'namespace' | 'cluster';
}

export interface LabelledRequest {
  readonly method: string;
  readonly path: string;
  readonly info: RequestInfo;
  /** Of the kind that the path names, if it is served. */
  readonly definition: ResourceDefinition | undefined;
  readonly isDryRun: boolean;
  /** The patch is one of server-side apply. */
  readonly isApply: boolean;
}

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']);
const ROOTS = new Set(['.well-known', 'api', 'apis', 'healthz', 'livez', 'metrics', 'openapi', 'openid', 'readyz', 'version']);
const STREAMS = new Set(['attach', 'exec', 'portforward', 'proxy']);

/** Hot path: how a request is counted. */
export function labelsOf({ method, path, info, definition, isDryRun, isApply }: LabelledRequest): RequestLabels {
  const known = METHODS.has(method) ? method : 'other';
  if (!info.isResource || !definition) {
    const root = info.isResource ? '' : (path.split('/', 2)[1] ?? '');
    const subresource = ROOTS.has(root) ? root : '';
    return { verb: known, dryRun: '', group: '', version: '', resource: '', subresource, scope: '' };
  }
  const { name, namespace, subresource = '' } = info;
  const { group, version, resource, subresources } = definition;
  return {
    verb: verbOf(known, info, isApply),
    dryRun: isDryRun ? 'All' : '',
    group,
    version,
    resource,
    subresource: Object.hasOwn(subresources, subresource) ? subresource : '',
    scope: name !== undefined ? 'resource' : namespace === undefined ? 'cluster' : 'namespace',
  };
}

function verbOf(method: string, { name, subresource }: RequestInfo, isApply: boolean): string {
  if (subresource !== undefined && STREAMS.has(subresource)) return 'CONNECT';
  if (method === 'GET' || method === 'HEAD') return name === undefined ? 'LIST' : 'GET';
  if (method === 'DELETE') return name === undefined ? 'DELETECOLLECTION' : 'DELETE';
  return method === 'PATCH' && isApply ? 'APPLY' : method;
}
