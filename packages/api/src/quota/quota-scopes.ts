import type { ResourceQuota, ScopedResourceSelectorRequirement } from '../generated/core/v1.ts';
import type { KubernetesObject } from '../kind.ts';
import type { QuotaEvaluator } from './quota-evaluator.ts';

/** The scopes of a quota, all of which must hold. */
function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

/** True if a quota is about the object, as far as its scopes say. */
export function isInQuotaScope(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubernetesObject): boolean {
  return scopesOf(quota).every((scope) => evaluator.isInScope(scope, object));
}
