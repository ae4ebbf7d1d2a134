import type { FieldTerm } from '@keelson/api';
import { fieldTerms } from '../request/field-terms.ts';
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

/** What a request over a collection is limited to. None if it says nothing that can be read: whoever serves it will refuse it. */
export function selectedFields(request: ApiRequest, info: RequestInfo): readonly FieldTerm[] | undefined {
  if (info.name !== undefined || request.method === 'POST') return undefined;
  return fieldTerms(request.query.get('fieldSelector'));
}

/** The one object that a request over a collection is about, if it says so: then a right to that object is enough. */
export function authorizedName(info: RequestInfo, fields: readonly FieldTerm[] | undefined): string | undefined {
  return info.name ?? fields?.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
}
