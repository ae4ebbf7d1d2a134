import { parseFieldSelector } from '@keelson/api';
import type { ApiRequest } from '../request/api-request.ts';
import type { RequestInfo } from '../request/request-info.ts';

/** A verb of Kubernetes' API on a resource. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

/** `undefined` for a method that no resource knows. */
export function verbOf(request: ApiRequest, info: RequestInfo): Verb | undefined {
  const isCollection = info.name === undefined;
  if (info.legacyWatch && request.method !== 'GET' && request.method !== 'HEAD') return undefined;
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      if (info.legacyWatch) return 'watch';
      if (!isCollection) return 'get';
      return request.query.flag('watch') ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return isCollection ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}

/** The one object that a request over a collection is about, if it says so: then a right to that object is enough. */
export function authorizedName(request: ApiRequest, info: RequestInfo): string | undefined {
  if (info.name !== undefined) return info.name;
  const selector = request.query.get('fieldSelector');
  if (selector === undefined || !selector.includes('metadata.name')) return undefined;
  try {
    return parseFieldSelector(selector).find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
  } catch {
    return undefined;
  }
}
