import { badRequest, cloneJson, type KubernetesObject, labelSelectorFrom } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { Eviction, PodDisruptionBudget } from '@keelson/api/policy/v1';
import { KeelsonError } from '@keelson/base';
import { formatTime } from '@keelson/api';
import type { ApiResult } from '../response/api-result.ts';
import type { StoredObject } from '../storage/stored-object.ts';
import { decodeAs, fieldValidationOf, parseBody } from '../verbs/body.ts';
import type { Call } from '../verbs/call.ts';
import { deleteObject } from '../verbs/delete.ts';
import { isStoreConflict, retrying } from '../verbs/finish.ts';

const KIND = { group: 'policy', version: 'v1', kind: 'Eviction' };
const RETRY_SECONDS = 10;

/** POST to a pod's `/eviction`: deletes it, if its disruption budget allows. */
export async function evict(call: Call): Promise<ApiResult> {
  const validation = fieldValidationOf(call);
  const raw = parseBody(call.request.body, validation !== 'Ignore');
  const eviction = decodeAs('policy.v1.Eviction', { raw, validation, warn: call.warn, kind: KIND }) as Eviction;
  const named = eviction.metadata?.name;
  if (named && named !== call.name) {
    throw badRequest(`name in URL does not match name in Eviction object: ${call.name} != ${named}`);
  }
  const item = await call.storage.current(call.namespace, call.name);
  const pod = item?.object() as Pod | undefined;
  if (pod && countsAgainstBudget(pod)) await chargeBudget(call, pod);
  await deleteObject(call, eviction.deleteOptions ?? {});
  return { type: 'value', status: 201, value: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

/** A pod that has ended, does not run yet or is going already is no disruption. */
function countsAgainstBudget(pod: Pod): boolean {
  const phase = pod.status?.phase;
  if (phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending') return false;
  return pod.metadata?.deletionTimestamp === undefined;
}

async function chargeBudget(call: Call, pod: Pod): Promise<void> {
  const definition = call.services.registry.find('policy', 'v1', 'poddisruptionbudgets');
  if (!definition) return;
  const storage = call.services.storages.of(definition);
  await retrying(async () => {
    await storage.cache.fresh();
    const budgets = storage.cache.list(call.namespace).filter((item) => covers(item, pod));
    const [budget] = budgets;
    if (!budget) return;
    if (budgets.length > 1) {
      throw new KeelsonError(
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    }
    const next = charged(budget.object(), pod, call.services.clock.now());
    if (next && !call.dryRun) await storage.put(budget.key, next, { expected: budget.revision }).catch(rethrowUnlessConflict);
  });
}

function rethrowUnlessConflict(error: unknown): never {
  if (!isStoreConflict(error)) throw error;
  throw error;
}

function covers(item: StoredObject, pod: Pod): boolean {
  const budget = item.object() as PodDisruptionBudget;
  return labelSelectorFrom(budget.spec?.selector).matches(pod.metadata?.labels);
}

/** The budget with one disruption less. Throws `TooManyRequests` if there is none left. `undefined` if this pod costs nothing. */
function charged(object: KubernetesObject, pod: Pod, nowMs: number): KubernetesObject | undefined {
  const budget = cloneJson(object) as PodDisruptionBudget;
  const { status, spec } = budget;
  const name = budget.metadata?.name ?? '';
  const ready = pod.status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') === true;
  const healthyEnough = (status?.currentHealthy ?? 0) >= (status?.desiredHealthy ?? 0) && (status?.desiredHealthy ?? 0) > 0;
  if (!ready && (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' || healthyEnough)) return undefined;
  if ((status?.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) {
    throw refused(`The disruption budget ${name} is still being processed by the server.`);
  }
  const allowed = status?.disruptionsAllowed ?? 0;
  if (allowed <= 0) {
    throw refused(
      `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`,
    );
  }
  const disruptedPods = { ...status?.disruptedPods, [pod.metadata?.name ?? '']: formatTime(nowMs) };
  return { ...budget, status: { ...status, disruptionsAllowed: allowed - 1, disruptedPods } } as KubernetesObject;
}

function refused(message: string): KeelsonError {
  return new KeelsonError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: { causes: [{ reason: 'DisruptionBudget', message }], retryAfterSeconds: RETRY_SECONDS },
  });
}
