import { apiVersionOf, deepEqual, nameOf, namespaceOf, type KubernetesObject } from '@keelson/api';
import { isReason } from '@keelson/base';
import type { Transport } from '@keelson/client';
import type { BootstrapObject } from './objects.ts';

/**
 * Makes what is missing and puts back what is to be reconciled. Safe to repeat, and to run from several servers at once.
 * Neighbours of one kind do not depend on one another and are made at once: they share the store's commits.
 */
export async function ensureObjects(transport: Transport, objects: readonly BootstrapObject[]): Promise<void> {
  for (const neighbours of runsOfOneKind(objects)) {
    await Promise.all(neighbours.map((wanted) => ensureObject(transport, wanted)));
  }
}

function runsOfOneKind(objects: readonly BootstrapObject[]): BootstrapObject[][] {
  const runs: BootstrapObject[][] = [];
  for (const wanted of objects) {
    const run = runs.at(-1);
    if (run?.[0]?.kind === wanted.kind) run.push(wanted);
    else runs.push([wanted]);
  }
  return runs;
}

async function ensureObject(transport: Transport, wanted: BootstrapObject): Promise<void> {
  const { kind, object, reconcile } = wanted;
  const body = { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object };
  const collection = collectionPath(wanted);
  const path = `${collection}/${encodeURIComponent(nameOf(object))}`;
  const found = await find(transport, path);
  if (!found) {
    await transport.request({ method: 'POST', path: collection, body }).catch((error: unknown) => {
      if (!isReason(error, 'AlreadyExists')) throw error;
    });
  } else if (reconcile && !contains(found, object)) {
    await transport.request({ method: 'PATCH', path, body: object, contentType: 'application/merge-patch+json' });
  }
}

function collectionPath({ kind, object }: BootstrapObject): string {
  const root = kind.group === '' ? '/api' : '/apis';
  const namespace = kind.namespaced ? `/namespaces/${namespaceOf(object)}` : '';
  return `${root}/${apiVersionOf(kind)}${namespace}/${kind.resource}`;
}

async function find(transport: Transport, path: string): Promise<KubernetesObject | undefined> {
  try {
    return (await transport.request({ method: 'GET', path })).body as KubernetesObject;
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** True if every value of `wanted` is in `have`; what the server has added besides does not count. */
function contains(have: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null || Array.isArray(wanted)) return deepEqual(have, wanted);
  if (typeof have !== 'object' || have === null) return false;
  const values = have as Record<string, unknown>;
  return Object.entries(wanted).every(([key, value]) => contains(values[key], value));
}
