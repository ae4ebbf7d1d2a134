import type { ScopedResourceSelectorRequirement } from '../generated/core/v1.ts';
import type { KubernetesObject } from '../kind.ts';
import type { ResourceAmounts } from '../pods.ts';

/** What resource quotas know of the objects of one resource. Amounts go by the names that quotas have for them. */
export interface QuotaEvaluator<T extends KubernetesObject = KubernetesObject> {
  /** Those of `names` that its objects may use. */
  matching(names: readonly string[]): readonly string[];
  /** What one object uses, amounts of zero included. */
  usage(object: T, nowMs: number): ResourceAmounts;
  /** True if a quota of this scope is about the object. */
  isInScope(scope: ScopedResourceSelectorRequirement, object: T): boolean;
  /** What the object must say, since a quota limits these of its resources, and does not. */
  problem(limited: readonly string[], object: T): string | undefined;
  /** True if a change can need more of something. */
  readonly countsUpdates: boolean;
}
