import { isReason } from '@keelson/base';
import type { ApiResult } from '../response/api-result.ts';
import { selects } from '../storage/selection.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import type { Call } from './call.ts';
import { deleteObject } from './delete.ts';
import { deleteOptionsOf } from './delete-options.ts';
import { selectionOf } from './selection-of.ts';

const AT_ONCE = 16;

/** DELETE of a collection: of what is there now, one after the other; what is created meanwhile stays. */
export async function deleteCollection(call: Call): Promise<ApiResult> {
  const { storage, definition } = call;
  const options = deleteOptionsOf(call);
  const selection = selectionOf(call);
  await storage.cache.fresh();
  const items = storage.cache.list(selection.namespace).filter((item) => selects(selection, item));
  for (let at = 0; at < items.length; at += AT_ONCE) {
    await Promise.all(items.slice(at, at + AT_ONCE).map((item) => deleteItem(call, item, options)));
  }
  return { type: 'list', definition, items, metadata: { resourceVersion: String(storage.cache.revision) } };
}

async function deleteItem(call: Call, item: StoredObject, options: ReturnType<typeof deleteOptionsOf>): Promise<void> {
  const namespace = call.definition.namespaced ? item.namespace : undefined;
  const uid = item.object().metadata?.uid;
  const exactly = { ...options, preconditions: { ...options.preconditions, ...(uid !== undefined && { uid }) } };
  try {
    await deleteObject({ ...call, name: item.name, namespace }, exactly);
  } catch (error) {
    // It went, or was replaced by another of its name, before its turn came.
    if (!isReason(error, 'NotFound', 'Conflict')) throw error;
  }
}
