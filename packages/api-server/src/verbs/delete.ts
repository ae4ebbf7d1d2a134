import { cloneJson, conflict, formatTime, type KubernetesObject, notFound } from '@keelson/api';
import type { DeleteOptions } from '@keelson/api/meta/v1';
import type { KeelsonError } from '@keelson/base';
import type { ApiResult } from '../response/api-result.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { judge } from './admit.ts';
import { hasGeneration, metaOf, strategyContext, type Call } from './call.ts';
import { deleteOptionsOf } from './delete-options.ts';
import { dryRunResult, objectResult, retrying } from './finish.ts';

const FOREGROUND = 'foregroundDeletion';
const ORPHAN = 'orphan';

/** Kinds whose deletion answers with the object even if it is gone at once. */
const RETURNED = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'persistentvolumeclaims',
  'persistentvolumes',
  'podtemplates',
  'resourcequotas',
]);

/** DELETE of one object. */
export async function deleteOne(call: Call): Promise<ApiResult> {
  return deleteObject(call, deleteOptionsOf(call));
}

export async function deleteObject(call: Call, options: DeleteOptions): Promise<ApiResult> {
  const dryCall = isDryRun(call, options) ? { ...call, dryRun: true } : call;
  let fresh = false;
  return retrying(async () => {
    const item = await (fresh ? call.storage.current(call.namespace, call.name) : find(call));
    fresh = true;
    if (!item) throw notFound(call.definition, call.name);
    return attempt(dryCall, item, options);
  });
}

async function find(call: Call): Promise<StoredObject | undefined> {
  const { storage, namespace, name } = call;
  return (await storage.cached(namespace, name)) ?? (await storage.current(namespace, name));
}

function isDryRun(call: Call, options: DeleteOptions): boolean {
  return call.dryRun || options.dryRun?.includes('All') === true;
}

async function attempt(call: Call, item: StoredObject, options: DeleteOptions): Promise<ApiResult | 'again'> {
  const old = item.object();
  if (!(await preconditionsHold(call, item, options))) return 'again';
  // What comes to a deletion by way of a subresource, as an eviction does, has been judged as that.
  if (call.info.subresource === undefined) await judge(call, { operation: 'DELETE', object: undefined, old, options });
  const next = deletionOf(call, old, options);
  const grace = next.metadata?.deletionGracePeriodSeconds ?? 0;
  const stays = (next.metadata?.finalizers?.length ?? 0) > 0 || grace > 0 || call.definition.strategy.isHeldBack?.(next) === true;
  if (!stays) return removeNow(call, item);
  // Whoever asks for dependents to go too is told that it has only begun.
  const status = options.orphanDependents === false ? 202 : 200;
  if (sameDeletion(old, next)) return objectResult(call, item, status);
  if (call.dryRun) return dryRunResult(call, next, status);
  const companions = call.definition.strategy.companions?.(next, old);
  return objectResult(call, await call.storage.put(item.key, next, { expected: item.revision, companions }), status);
}

/** False if the cache was behind. */
async function preconditionsHold(call: Call, item: StoredObject, options: DeleteOptions): Promise<boolean> {
  const problem = preconditionProblem(call, item, options);
  if (!problem) return true;
  const now = await call.storage.current(call.namespace, call.name);
  if (now?.revision !== item.revision) return false;
  throw problem;
}

/** Why this is not the object that the client means, if so. */
export function preconditionProblem(
  { definition, name }: Pick<Call, 'definition' | 'name'>,
  item: StoredObject,
  { preconditions }: DeleteOptions,
): KeelsonError | undefined {
  const { uid, resourceVersion } = preconditions ?? {};
  const actual = item.object().metadata?.uid;
  const differs = (what: string, wanted: string, present: string | undefined): KeelsonError =>
    conflict(definition, name, `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${present}`);
  if (uid !== undefined && uid !== actual) return differs('UID', uid, actual);
  if (resourceVersion === undefined || resourceVersion === item.resourceVersion) return undefined;
  return differs('ResourceVersion', resourceVersion, item.resourceVersion);
}

/** The object as it is once its deletion has begun. */
function deletionOf(call: Call, old: KubernetesObject, options: DeleteOptions): KubernetesObject {
  const { definition, services } = call;
  const next = cloneJson(old);
  const meta = metaOf(next);
  meta.finalizers = finalizersFor(call, old, options);
  if (meta.finalizers.length === 0) delete meta.finalizers;
  const grace = definition.strategy.gracePeriodSeconds?.(next, options.gracePeriodSeconds) ?? 0;
  const isNew = meta.deletionTimestamp === undefined;
  if (isNew || grace < (meta.deletionGracePeriodSeconds ?? 0)) {
    meta.deletionTimestamp = formatTime(deadlineMs(old, grace, services.clock.now()));
    meta.deletionGracePeriodSeconds = grace;
  }
  if (isNew) {
    if (hasGeneration(definition)) meta.generation = (meta.generation ?? 0) + 1;
    definition.strategy.beginDeletion?.(next, strategyContext(call));
  }
  return next;
}

/** When an object whose deletion began earlier gets less time, the time counts from that beginning. */
function deadlineMs(old: KubernetesObject, graceSeconds: number, nowMs: number): number {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = old.metadata ?? {};
  const beganMs = deletionTimestamp === undefined ? nowMs : Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;
  return beganMs + graceSeconds * 1000;
}

function finalizersFor(call: Call, old: KubernetesObject, options: DeleteOptions): string[] {
  const present = old.metadata?.finalizers ?? [];
  const wanted = propagationOf(call, present, options);
  if (wanted === 'keep') return [...present];
  const others = present.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN);
  if (wanted === 'Orphan') others.push(ORPHAN);
  if (wanted === 'Foreground') others.push(FOREGROUND);
  return others;
}

function propagationOf(
  call: Call,
  present: readonly string[],
  options: DeleteOptions,
): 'Orphan' | 'Foreground' | 'Background' | 'keep' {
  const { propagationPolicy, orphanDependents } = options;
  if (orphanDependents !== undefined) return orphanDependents ? 'Orphan' : 'Background';
  if (propagationPolicy === 'Orphan' || propagationPolicy === 'Foreground' || propagationPolicy === 'Background') {
    return propagationPolicy;
  }
  if (present.includes(ORPHAN) || present.includes(FOREGROUND)) return 'keep';
  return call.definition.strategy.defaultPropagation ?? 'Background';
}

function sameDeletion(old: KubernetesObject, next: KubernetesObject): boolean {
  const before = old.metadata ?? {};
  const after = next.metadata ?? {};
  return (
    before.deletionTimestamp === after.deletionTimestamp &&
    before.deletionGracePeriodSeconds === after.deletionGracePeriodSeconds &&
    (before.finalizers ?? []).join('\n') === (after.finalizers ?? []).join('\n')
  );
}

async function removeNow(call: Call, item: StoredObject): Promise<ApiResult> {
  const { definition, dryRun } = call;
  const old = item.object();
  const gone = dryRun ? item : await call.storage.remove(item, definition.strategy.companions?.(undefined, old));
  if (RETURNED.has(definition.resource) && definition.group === '') return objectResult(call, gone);
  const { group, resource } = definition;
  const details = { name: item.name, ...(group !== '' && { group }), kind: resource, uid: old.metadata?.uid };
  const value = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  return { type: 'value', status: 200, value };
}
