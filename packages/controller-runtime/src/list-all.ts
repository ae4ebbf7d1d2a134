import type { KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import type { ObjectList, ResourceClient } from '@keelson/client';
import type { InformerSelection } from './informer.ts';

/** Objects that one page of a list holds. */
const PAGE = 500;

/** All objects at one version: in pages, or at one go if the pages cannot be had, since the server forgets faster than they are read. */
export async function listAll<T extends KubernetesObject>(
  resource: ResourceClient<T>,
  where: InformerSelection,
  signal: AbortSignal,
): Promise<ObjectList<T>> {
  const first = await resource.list({ ...where, limit: PAGE, signal });
  const items = [...first.items];
  let { metadata } = first;
  while (metadata.continue) {
    try {
      const page = await resource.list({ ...where, limit: PAGE, continue: metadata.continue, signal });
      for (const item of page.items) items.push(item);
      metadata = page.metadata;
    } catch (error) {
      if (!isReason(error, 'Expired', 'Gone')) throw error;
      return resource.list({ ...where, signal });
    }
  }
  return { items, metadata };
}
