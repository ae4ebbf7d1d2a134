import {
  apiVersionOf,
  controllerReference,
  deepEqual,
  nameOf,
  namespaceOf,
  type Kind,
  type KubernetesObject,
} from '@keelson/api';
import { isReason, KeelsonError } from '@keelson/base';
import type { Client } from '@keelson/client';

/** An object that shall be there, and its kind. */
export interface Desired<T extends KubernetesObject = KubernetesObject> {
  readonly kind: Kind<T>;
  readonly object: T;
}

export interface ApplySetOptions {
  readonly client: Client;
  /** Whose fields these are: also what tells this set of an owner from others of it. */
  readonly fieldManager: string;
  readonly owner: { readonly kind: Kind; readonly object: KubernetesObject };
  /** The kinds of which what is not desired any more is deleted. Those of `desired` always are among them. */
  readonly prunes?: readonly Kind[];
  /**
   * Take back fields of `desired` that somebody else has changed since. Default true, as is right for what a controller owns; otherwise each
   * such field is a `Conflict`.
   */
  readonly force?: boolean;
}

/** Objects with it belong to a set (KEP-3659). */
const PART_OF = 'applyset.kubernetes.io/part-of';

/**
 * Makes exactly the objects of `desired` be there for an owner: each one by server-side apply, with a controller reference to the owner, and
 * what an earlier call had made and this one does not name is deleted. Fields that `desired` does not name are left alone.
 */
export async function applySet(desired: readonly Desired[], options: ApplySetOptions): Promise<readonly KubernetesObject[]> {
  const { client, fieldManager, owner, prunes = [], force = true } = options;
  const set = await setName(options);
  const applied: KubernetesObject[] = [];
  for (const { kind, object } of desired) {
    const owned = setControllerReference(object, owner.object, owner.kind);
    const labels = { ...owned.metadata?.labels, [PART_OF]: set };
    const body = { ...owned, apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { ...owned.metadata, labels } };
    const where = { name: nameOf(object), namespace: namespaceOf(object) || undefined };
    applied.push(await client.resource(kind).patch(where, 'apply', body, { fieldManager, force }));
  }
  const kinds = new Map([...prunes, ...desired.map(({ kind }) => kind)].map((kind) => [`${kind.group}/${kind.resource}`, kind]));
  for (const kind of kinds.values()) await prune(client, kind, { set, applied, namespace: namespaceOf(owner.object) });
  return applied;
}

interface Pruning {
  readonly set: string;
  readonly applied: readonly KubernetesObject[];
  readonly namespace: string;
}

async function prune(client: Client, kind: Kind, { set, applied, namespace }: Pruning): Promise<void> {
  const resource = client.resource(kind);
  const scope = kind.namespaced && namespace !== '' ? { namespace } : {};
  const { items } = await resource.list({ ...scope, labelSelector: `${PART_OF}=${set}` });
  const kept = new Set(applied.map(({ metadata }) => metadata?.uid));
  for (const item of items) {
    const { uid, deletionTimestamp } = item.metadata ?? {};
    if (uid === undefined || kept.has(uid) || deletionTimestamp !== undefined) continue;
    const where = { name: nameOf(item), namespace: namespaceOf(item) || undefined };
    try {
      await resource.delete(where, { propagationPolicy: 'Background', preconditions: { uid } });
    } catch (error) {
      // Somebody else was faster, or made another object of this name.
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

/** Like upstream's ids: of the owner and who applies, so that two sets of one owner keep apart. */
async function setName({ owner, fieldManager }: ApplySetOptions): Promise<string> {
  const { kind, object } = owner;
  const text = [nameOf(object), namespaceOf(object), kind.kind, kind.group, fieldManager].join('.');
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  const base64 = btoa(String.fromCharCode(...hash));
  return `applyset-${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}-v1`;
}

/**
 * The object with `owner` as its managing controller. `Conflict` if it has another one; `BadRequest` if the owner is in another namespace, since
 * the garbage collector would take it for absent and delete the object.
 */
export function setControllerReference<T extends KubernetesObject>(object: T, owner: KubernetesObject, ownerKind: Kind): T {
  const about = `"${nameOf(object)}"`;
  if (ownerKind.namespaced && namespaceOf(owner) !== namespaceOf(object))
    throw new KeelsonError(
      'BadRequest',
      `Cannot make ${ownerKind.kind} "${nameOf(owner)}" the owner of ${about}: it is in namespace "${namespaceOf(owner)}", not in "${namespaceOf(object)}"`,
    );
  const reference = controllerReference(owner, ownerKind);
  const references = object.metadata?.ownerReferences ?? [];
  const other = references.find(({ controller, uid }) => controller === true && uid !== reference.uid);
  if (other) throw new KeelsonError('Conflict', `Cannot control ${about}: ${other.kind} "${other.name}" does already`);
  const kept = references.filter(({ uid }) => uid !== reference.uid);
  const ownerReferences = [...kept, reference];
  if (deepEqual(references, ownerReferences)) return object;
  return { ...object, metadata: { ...object.metadata, ownerReferences } };
}
