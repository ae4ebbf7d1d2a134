import { labelSelectorFrom, nameOf, namespaceOf, parseTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { priorityOf, type SchedulingFailure } from '../../framework.ts';
import type { NodeInfo } from '../../node-info.ts';

/** What it would cost to make room on a node. */
export interface Candidate {
  readonly nodeName: string;
  /** Those that matter most first. */
  readonly victims: readonly Pod[];
  /** How many of them a PodDisruptionBudget would keep. */
  readonly violations: number;
}

/** Pods that matter more first: by priority, then those that have run longest. */
export function byImportance(a: Pod, b: Pod): number {
  return priorityOf(b) - priorityOf(a) || startedMs(a) - startedMs(b);
}

/** Since when a pod runs; one that does not yet is the youngest of all. */
export function startedMs({ status }: Pod): number {
  return parseTime(status?.startTime) ?? Number.MAX_SAFE_INTEGER;
}

/**
 * The fewest pods that must go from a node so that the pod fits, or why that would not help: all that matter less are taken away, and given
 * back one by one as long as the pod still fits, those first that a budget would keep and those that matter most.
 */
export function victimsOn(
  pod: Pod,
  node: NodeInfo,
  { failure, budgets }: { readonly failure: SchedulingFailure; readonly budgets: readonly PodDisruptionBudget[] },
): Candidate | string {
  const lesser = Array.from(node.pods).filter((other) => priorityOf(other) < priorityOf(pod));
  if (lesser.length === 0) return 'No preemption victims found for incoming pod';
  const left = node.copy();
  for (const other of lesser) left.removePod(other);
  const refusal = failure.tryOn(left);
  if (refusal) return refusal.reason;
  const { kept, free } = byBudget(lesser.toSorted(byImportance), budgets);
  const mustGo = (other: Pod): boolean => {
    left.addPod(other);
    if (!failure.tryOn(left)) return false;
    left.removePod(other);
    return true;
  };
  const violating = kept.filter(mustGo);
  const others = free.filter(mustGo);
  const victims = [...violating, ...others].toSorted(byImportance);
  return { nodeName: node.name, victims, violations: violating.length };
}

/** Which pods their budgets would keep if all went in this order. */
function byBudget(
  pods: readonly Pod[],
  budgets: readonly PodDisruptionBudget[],
): { readonly kept: readonly Pod[]; readonly free: readonly Pod[] } {
  const all = budgets.map(({ metadata, spec, status }) => ({
    namespace: metadata?.namespace,
    selector: labelSelectorFrom(spec?.selector),
    isEmpty: Object.keys(spec?.selector ?? {}).length === 0,
    disrupted: status?.disruptedPods ?? {},
    allowed: status?.disruptionsAllowed ?? 0,
  }));
  const [kept, free]: [Pod[], Pod[]] = [[], []];
  for (const pod of pods) {
    const own = all.filter(
      ({ namespace, selector, isEmpty, disrupted }) =>
        namespace === namespaceOf(pod) &&
        !isEmpty &&
        selector.matches(pod.metadata?.labels) &&
        // Its end is allowed already, and counted.
        !Object.hasOwn(disrupted, nameOf(pod)),
    );
    for (const budget of own) budget.allowed -= 1;
    (own.some(({ allowed }) => allowed < 0) ? kept : free).push(pod);
  }
  return { kept, free };
}
