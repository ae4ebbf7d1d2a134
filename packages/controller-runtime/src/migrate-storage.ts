import { nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { CustomResourceDefinition } from '@keelson/api/apiextensions/v1';
import { isReason, KeelsonError } from '@keelson/base';
import type { Client, ResourceClient } from '@keelson/client';

/** Objects that one page of a list holds. */
const PAGE = 500;

/**
 * Has each object of a custom kind stored in the version that is for storage now, and says so in the definition's `status.storedVersions`, so
 * that the versions of before can be taken out of it. To be called when an operator with the new version runs; safe to call again, also after it
 * was cut off: then it begins anew. Gives how many objects there are. Rejects with `Conflict` if the definition changes meanwhile.
 *
 * @param name Of the definition: `websites.example.com`.
 */
export async function migrateStorage(client: Client, name: string, signal?: AbortSignal): Promise<number> {
  const definitions = client.resource(CustomResourceDefinition);
  const definition = await definitions.get({ name });
  const { group, names, scope, versions } = definition.spec;
  const version = versions.find(({ storage }) => storage)?.name;
  if (version === undefined) throw new KeelsonError('BadRequest', `"${name}" has no version for storage`);
  const kind: Kind = { group, version, kind: names.kind, resource: names.plural, namespaced: scope === 'Namespaced' };
  const count = await rewriteAll(client.resource(kind), signal);
  const { resourceVersion } = definition.metadata ?? {};
  // If another version was made that for storage since, objects may have been stored in it.
  const metadata = { ...(resourceVersion !== undefined && { resourceVersion }) };
  await definitions.patchStatus({ name }, 'merge', { metadata, status: { storedVersions: [version] } });
  return count;
}

async function rewriteAll(resource: ResourceClient<KubernetesObject>, signal: AbortSignal | undefined): Promise<number> {
  let count = 0;
  let next: string | undefined;
  do {
    const page = await resource.list({ limit: PAGE, ...(next && { continue: next }), ...(signal && { signal }) });
    for (const object of page.items) {
      signal?.throwIfAborted();
      await rewrite(resource, object);
      count += 1;
    }
    next = page.metadata.continue;
  } while (next);
  return count;
}

/** Written as it is; whoever was faster has had it stored anew too. */
async function rewrite(resource: ResourceClient<KubernetesObject>, object: KubernetesObject): Promise<void> {
  try {
    const { resourceVersion } = object.metadata ?? {};
    const where = { name: nameOf(object), namespace: namespaceOf(object) || undefined };
    await resource.patch(where, 'merge', { metadata: { resourceVersion } });
  } catch (error) {
    if (!isReason(error, 'Conflict', 'NotFound')) throw error;
  }
}
