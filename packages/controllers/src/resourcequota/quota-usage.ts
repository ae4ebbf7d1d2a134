import { isInQuotaScope, Quantity, quotaEvaluator, type KubernetesObject, type QuotaEvaluator } from '@keelson/api';
import type { ResourceQuota } from '@keelson/api/core/v1';

/** The objects of one resource in the namespace of a quota. */
export interface Measured {
  readonly group: string;
  readonly resource: string;
  readonly objects: readonly KubernetesObject[];
}

/** What is used of all that a quota limits, as far as its objects are known. */
export function usageOf(quota: ResourceQuota, measured: readonly Measured[], nowMs: number): Record<string, string> {
  const names = Object.keys(quota.spec?.hard ?? {});
  const used: Record<string, string> = {};
  for (const { group, resource, objects } of measured) {
    const evaluator = quotaEvaluator(group, resource);
    const counting = objects.filter((object) => isInQuotaScope(quota, evaluator, object));
    const usages = counting.map((object) => evaluator.usage(object, nowMs));
    for (const name of evaluator.matching(names))
      used[name] = usages.reduce((sum, usage) => sum.add(usage.get(name) ?? Quantity.ZERO), Quantity.ZERO).toString();
  }
  return used;
}

/** True if the change of an object may leave room in a quota. */
export function frees(evaluator: QuotaEvaluator, before: KubernetesObject, after: KubernetesObject, nowMs: number): boolean {
  const now = evaluator.usage(after, nowMs);
  for (const [name, amount] of evaluator.usage(before, nowMs)) if (amount.cmp(now.get(name) ?? Quantity.ZERO) > 0) return true;
  return false;
}
