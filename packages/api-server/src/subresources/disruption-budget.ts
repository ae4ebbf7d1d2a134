import { cloneJson, findCondition, forbidden, formatTime, isPodReady, labelSelectorFrom, setCondition } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { KeelsonError } from '@keelson/base';
import type { StoredObject } from '../storage/stored-object.ts';
import type { Call } from '../verbs/call.ts';
import { isStoreConflict, retrying } from '../verbs/finish.ts';

/** Evictions that a budget can remember until they are seen to have happened. */
const MAX_DISRUPTED = 2_000;
const BUDGETS = { group: 'policy', resource: 'poddisruptionbudgets' };
const RETRY_SECONDS = 10;

/** What a budget says of an eviction. */
export type BudgetVerdict =
  /** The pod is guarded, and its disruption has been charged; or no budget guards it. */
  | 'charged'
  /** It is not ready, and so costs nothing, as long as it stays like that. */
  | 'unhealthy';

/**
 * Charges the budget that guards the pod. The pod is noted in it, so that its controller does not count on a pod that is about to go. Throws
 * `TooManyRequests` if there is no disruption left, and `InternalError` if several budgets guard it.
 */
export async function chargeBudget(call: Call, pod: Pod, dryRun: boolean): Promise<BudgetVerdict> {
  const definition = call.services.registry.find('policy', 'v1', 'poddisruptionbudgets');
  if (!definition) return 'charged';
  const storage = call.services.storages.of(definition);
  try {
    return await retrying(async () => {
      await storage.cache.fresh();
      const [item, ...others] = storage.cache.list(call.namespace).filter((each) => guards(each, pod));
      if (!item) return 'charged';
      if (others.length > 0) throw new KeelsonError('InternalError', TOO_MANY_BUDGETS);
      const budget = cloneJson(item.object()) as PodDisruptionBudget;
      if (!isPodReady(pod) && mayGoUnready(budget)) return 'unhealthy';
      const next = charged(budget, pod, call.services.clock.now());
      if (!dryRun) await storage.put(item.key, next, { expected: item.revision });
      return 'charged';
    });
  } catch (error) {
    if (!isStoreConflict(error)) throw error;
    const message = `couldn't update PodDisruptionBudget for pod "${call.name}" due to conflicts`;
    throw new KeelsonError('Timeout', message, { details: { retryAfterSeconds: RETRY_SECONDS } });
  }
}

const TOO_MANY_BUDGETS = 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.';

function guards(item: StoredObject, pod: Pod): boolean {
  // The storage has only these.
  const { spec } = item.object() as PodDisruptionBudget;
  return labelSelectorFrom(spec?.selector).matches(pod.metadata?.labels);
}

/** A pod that is not ready is none of those that must stay: always, or as long as there are enough others. */
function mayGoUnready({ spec, status }: PodDisruptionBudget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {};
  return currentHealthy >= desiredHealthy && desiredHealthy > 0;
}

function charged(budget: PodDisruptionBudget, pod: Pod, nowMs: number): PodDisruptionBudget {
  const { metadata, status } = budget;
  const name = metadata?.name ?? '';
  if ((status?.observedGeneration ?? 0) < (metadata?.generation ?? 0))
    throw refused(`The disruption budget ${name} is still being processed by the server.`, RETRY_SECONDS);
  const allowed = status?.disruptionsAllowed ?? 0;
  if (allowed < 0) throw forbidden(BUDGETS, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > MAX_DISRUPTED)
    throw forbidden(BUDGETS, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  if (allowed === 0) throw refused(whyNot(budget));
  const { disruptedPods, conditions, ...rest } = { ...status };
  const isLast = allowed === 1;
  const exhausted = { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '' };
  const observed = { ...exhausted, observedGeneration: status?.observedGeneration, lastTransitionTime: formatTime(nowMs) };
  return {
    ...budget,
    status: {
      currentHealthy: 0,
      desiredHealthy: 0,
      expectedPods: 0,
      ...rest,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...disruptedPods, [pod.metadata?.name ?? '']: formatTime(nowMs) },
      ...(isLast ? { conditions: setCondition(conditions, observed, nowMs) } : conditions && { conditions }),
    },
  };
}

function whyNot({ metadata, status }: PodDisruptionBudget): string {
  const condition = findCondition(status?.conditions, 'DisruptionAllowed');
  if (condition?.reason === 'SyncFailed')
    return `The disruption budget ${metadata?.name} does not allow evicting pods currently because it failed sync: ${condition.message}`;
  return `The disruption budget ${metadata?.name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`;
}

/** Without a time to wait, clients ask again when they want to; with one, their libraries do it without saying so. */
function refused(message: string, retryAfterSeconds?: number): KeelsonError {
  return new KeelsonError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    details: {
      causes: [{ reason: 'DisruptionBudget', message }],
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    },
  });
}
