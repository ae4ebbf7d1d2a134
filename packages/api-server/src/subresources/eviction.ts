import { badRequest, cloneJson, isPodTerminal, notFound, setCondition } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { DeleteOptions } from '@keelson/api/meta/v1';
import type { Eviction } from '@keelson/api/policy/v1';
import type { ApiResult } from '../response/api-result.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { decodeAs, fieldValidationOf, parseBody } from '../verbs/body.ts';
import { judgeGiven } from '../verbs/admit.ts';
import type { Call } from '../verbs/call.ts';
import { preconditionProblem, deleteObject } from '../verbs/delete.ts';
import { isStoreConflict, MAX_TRIES } from '../verbs/finish.ts';
import { chargeBudget } from './disruption-budget.ts';

const KIND = { group: 'policy', version: 'v1', kind: 'Eviction' };
const DISRUPTION = {
  type: 'DisruptionTarget',
  status: 'True',
  reason: 'EvictionByEvictionAPI',
  message: 'Eviction API: evicting',
};

/** POST to a pod's `/eviction`: deletes it, if its disruption budget allows. */
export async function evict(call: Call): Promise<ApiResult> {
  const eviction = readEviction(call);
  const options = optionsOf(call, eviction);
  await judgeGiven({ ...call, dryRun: (options.dryRun ?? []).length > 0 }, eviction, KIND);
  for (let tries = 1; !(await attempt(call, options, tries >= MAX_TRIES)); tries += 1);
  return { type: 'value', status: 201, value: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

/** False if it has to be looked at anew. What was charged never has: it is gone, or it would be charged again. */
async function attempt(call: Call, options: DeleteOptions, isLast: boolean): Promise<boolean> {
  const item = await call.storage.current(call.namespace, call.name);
  if (!item) throw notFound(call.definition, call.name);
  const pod = item.object() as Pod;
  const dryRun = (options.dryRun ?? []).length > 0;
  // A pod that costs nothing because it is not ready may only go as long as it is not.
  const asSeen = !isFree(pod) && (await chargeBudget(call, pod, dryRun)) === 'unhealthy';
  try {
    if (dryRun) await deleteObject(call, options);
    else await disrupt(call, item, { options, asSeen });
    return true;
  } catch (error) {
    if (!asSeen || isLast || !isStoreConflict(error)) throw error;
    return false;
  }
}

function readEviction(call: Call): Eviction {
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  const eviction = decodeAs('policy.v1.Eviction', { raw, validation, warn: call.warn, kind: KIND }) as Eviction;
  const named = eviction.metadata?.name;
  if (named && named !== call.name)
    throw badRequest(`name in URL does not match name in Eviction object: ${call.name} != ${named}`);
  return eviction;
}

/** A dry run may be asked for by the request or in the body, and must be the same if it is in both. */
function optionsOf(call: Call, { deleteOptions = {} }: Eviction): DeleteOptions {
  const asked = call.dryRun ? ['All'] : [];
  const inBody = deleteOptions.dryRun ?? [];
  if (asked.length > 0 && inBody.length > 0 && asked.join() !== inBody.join())
    throw badRequest(`Non-matching dry-run options in request and content: [${asked.join(' ')}] and [${inBody.join(' ')}]`);
  const dryRun = inBody.length > 0 ? inBody : asked;
  return dryRun.length > 0 ? { ...deleteOptions, dryRun } : deleteOptions;
}

/** A pod that has ended, does not run yet or is going already is no disruption. */
function isFree(pod: Pod): boolean {
  return isPodTerminal(pod) || pod.status?.phase === 'Pending' || pod.metadata?.deletionTimestamp !== undefined;
}

interface Disruption {
  readonly options: DeleteOptions;
  /** It may go only as it was when it was looked at. */
  readonly asSeen: boolean;
}

/** Notes in the pod why it goes, and deletes it. */
async function disrupt(call: Call, item: StoredObject, disruption: Disruption): Promise<void> {
  const { options, asSeen } = disruption;
  const marked = await mark(call, item, disruption);
  const { uid, resourceVersion } = options.preconditions ?? {};
  const isExact = asSeen || resourceVersion !== undefined;
  const preconditions = { ...(uid !== undefined && { uid }), ...(isExact && { resourceVersion: marked.resourceVersion }) };
  await deleteObject(call, { ...options, preconditions });
}

async function mark(call: Call, seen: StoredObject, { options, asSeen }: Disruption): Promise<StoredObject> {
  let item = seen;
  for (let tries = 1; ; tries += 1) {
    const problem = preconditionProblem(call, item, options);
    if (problem) throw problem;
    const pod = cloneJson(item.object()) as Pod;
    pod.status = { ...pod.status, conditions: setCondition(pod.status?.conditions, DISRUPTION, call.services.clock.now()) };
    try {
      return await call.storage.put(item.key, pod, { expected: item.revision });
    } catch (error) {
      if (asSeen || tries >= MAX_TRIES || !isStoreConflict(error)) throw error;
    }
    const fresh = await call.storage.current(call.namespace, call.name);
    if (!fresh) throw notFound(call.definition, call.name);
    item = fresh;
  }
}
