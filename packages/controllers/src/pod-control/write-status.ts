import { nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { patchStatusIfChanged } from '@keelson/controller-runtime';

/** Writes what differs. The status of a set changes often, and its spec at any time: on a conflict it is tried once more on the newest state. */
export async function writeStatus<T extends KubernetesObject & { readonly status?: unknown }>(
  client: Client,
  kind: Kind<T>,
  set: T,
  status: Record<string, unknown>,
): Promise<void> {
  try {
    await patchStatusIfChanged(client, kind, set, status);
  } catch (error) {
    if (isReason(error, 'NotFound')) return;
    if (!isReason(error, 'Conflict')) throw error;
    const fresh = await client.resource(kind).find({ name: nameOf(set), namespace: namespaceOf(set) });
    if (fresh?.metadata?.uid === set.metadata?.uid && fresh) await patchStatusIfChanged(client, kind, fresh, status);
  }
}
