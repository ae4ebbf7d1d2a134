import { deepEqual, nameOf, namespaceOf, type Kind, type KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import type { Client, ObjectName } from '@keelson/client';

/** How often a write is tried that meets a `Conflict`, each time on the newest state. */
const MAX_TRIES = 5;

export interface ApplyResult<T> {
  readonly result: 'created' | 'updated' | 'unchanged';
  readonly object: T;
}

/**
 * Makes an object as `mutate` wants it. `mutate` gets a copy of what is there, or `undefined`, and returns what shall be there; it may be called
 * again after a `Conflict`. Nothing is written if nothing changes.
 */
export async function createOrUpdate<T extends KubernetesObject>(
  client: Client,
  kind: Kind<T>,
  name: ObjectName,
  mutate: (object: T | undefined) => T,
): Promise<ApplyResult<T>> {
  const resource = client.resource(kind);
  return retryOnConflict(async () => {
    const known = await resource.find(name);
    const wanted = mutate(known && structuredClone(known));
    if (!known) {
      const metadata = { ...wanted.metadata, name: name.name, ...(name.namespace && { namespace: name.namespace }) };
      return { result: 'created', object: await resource.create({ ...wanted, metadata }) };
    }
    if (deepEqual(known, wanted)) return { result: 'unchanged', object: known };
    return { result: 'updated', object: await resource.update(wanted) };
  });
}

/** Runs `write` again while it meets a `Conflict`, five times at most. It must read the newest state each time. */
export async function retryOnConflict<R>(write: () => Promise<R>): Promise<R> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      // AlreadyExists: someone else has created it in between, so now there is something to update.
      if (tries >= MAX_TRIES || !isReason(error, 'Conflict', 'AlreadyExists')) throw error;
    }
  }
}

type WithStatus = KubernetesObject & { readonly status?: unknown };

/**
 * Writes the fields of `status` that differ from those of `object`, as a merge patch: other fields stay as others have set them, lists are
 * replaced whole, `null` removes a field. The patch fails with `Conflict` if the object is no longer the one that was looked at. Nothing is
 * written if nothing differs; then `object` itself comes back.
 */
export async function patchStatusIfChanged<T extends WithStatus>(
  client: Client,
  kind: Kind<T>,
  object: T,
  status: Readonly<Record<string, unknown>>,
): Promise<T> {
  const known = (object.status ?? {}) as Readonly<Record<string, unknown>>;
  const changed = Object.entries(status).filter(([field, value]) => !deepEqual(known[field] ?? null, value ?? null));
  if (changed.length === 0) return object;
  const { uid, resourceVersion } = object.metadata ?? {};
  return client.resource(kind).patchStatus(where(object), 'merge', {
    metadata: { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) },
    status: Object.fromEntries(changed.map(([field, value]) => [field, value ?? null])),
  });
}

/** The object with the finalizer; it is written only if `object`, which may come from a cache, lacks it. `undefined` if the object is gone. */
export function addFinalizer<T extends KubernetesObject>(
  client: Client,
  kind: Kind<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  return changeFinalizers({ client, kind, object }, (present) =>
    present.includes(finalizer) ? present : [...present, finalizer],
  );
}

/** The object without the finalizer; it is written only if `object` has it. `undefined` if the object is gone. */
export function removeFinalizer<T extends KubernetesObject>(
  client: Client,
  kind: Kind<T>,
  object: T,
  finalizer: string,
): Promise<T | undefined> {
  return changeFinalizers({ client, kind, object }, (present) =>
    present.includes(finalizer) ? present.filter((each) => each !== finalizer) : present,
  );
}

export function hasFinalizer(object: KubernetesObject, finalizer: string): boolean {
  return object.metadata?.finalizers?.includes(finalizer) ?? false;
}

/** The list is written whole, so the patch carries the resourceVersion that it was read at; after a `Conflict` it is read anew. */
async function changeFinalizers<T extends KubernetesObject>(
  { client, kind, object }: { readonly client: Client; readonly kind: Kind<T>; readonly object: T },
  change: (present: readonly string[]) => readonly string[],
): Promise<T | undefined> {
  const resource = client.resource(kind);
  let known: T | undefined = object;
  try {
    return await retryOnConflict(async () => {
      known ??= await resource.get(where(object));
      if (known.metadata?.uid !== object.metadata?.uid) return undefined;
      const present = known.metadata?.finalizers ?? [];
      const finalizers = change(present);
      if (finalizers === present) return known;
      const { resourceVersion } = known.metadata ?? {};
      known = undefined;
      return resource.patch(where(object), 'merge', { metadata: { resourceVersion, finalizers } });
    });
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function where(object: KubernetesObject): ObjectName {
  return { name: nameOf(object), namespace: namespaceOf(object) || undefined };
}
