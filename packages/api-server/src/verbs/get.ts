import { badRequest, notFound } from '@keelson/api';
import type { ApiResult } from '../response/api-result.ts';
import type { Call } from './call.ts';
import { objectResult } from './finish.ts';

/** Hot path: GET of one object, out of the cache. */
export async function get(call: Call): Promise<ApiResult> {
  const { storage, namespace, name } = call;
  const version = call.request.query.get('resourceVersion');
  if (version !== undefined && version !== '0') await storage.cache.reach(parseRevision(version));
  const item = await (version === undefined ? storage.current(namespace, name) : storage.cached(namespace, name));
  if (!item) throw notFound(call.definition, name);
  return objectResult(call, item);
}

/** A resourceVersion in a query. Throws `BadRequest`. */
export function parseRevision(text: string): number {
  const revision = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(revision)) {
    throw badRequest(
      `resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return revision;
}
