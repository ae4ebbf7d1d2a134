import type { KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import { converterOf } from '../convert/versions.ts';
import type { ApiResult } from '../response/api-result.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { Call } from './call.ts';

/** How often a write starts again because something changed under it. */
export const MAX_TRIES = 8;

export function objectResult(call: Call, item: StoredObject, status = 200): ApiResult {
  return { type: 'object', status, definition: call.definition, item };
}

/** The answer to a dry run: the object in the version that was asked for. */
export function dryRunResult(call: Call, object: KubernetesObject, status = 200): ApiResult {
  const { definition } = call;
  return { type: 'value', status, definition, value: converterOf(definition)?.fromStorage(object) ?? object };
}

/** Runs `attempt` until it gives something. Each `again` or `Conflict` of the store leads to another try. */
export async function retrying<T>(attempt: (isLast: boolean) => Promise<T | 'again'>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    const isLast = tries >= MAX_TRIES;
    try {
      const result = await attempt(isLast);
      if (result !== 'again') return result;
    } catch (error) {
      if (isLast || !isStoreConflict(error)) throw error;
    }
  }
}

/** A guard of the store did not hold. */
export function isStoreConflict(error: unknown): boolean {
  // A Conflict that a client is to see names a resource, or fields.
  return isReason(error, 'Conflict') && error.details?.kind === undefined && error.details?.causes === undefined;
}
