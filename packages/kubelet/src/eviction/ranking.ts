import { parseQuantity, podResourceRequests } from '@keelson/api';
import type { Container, Pod } from '@keelson/api/core/v1';
import { isStatic } from '../static-pods/static-pod.ts';

/** What pods use of a resource: bytes, as a whole and by container. */
export interface PodConsumption {
  readonly total: number;
  readonly containers: ReadonlyMap<string, number>;
}

export type Consumption = ReadonlyMap<string, PodConsumption>;

/** What nothing may take the node from. */
export const CRITICAL_PRIORITY = 2_000_000_000;

/** Pure: whether a pod is one that the cluster cannot do without. */
export function isCritical(pod: Pod): boolean {
  return isStatic(pod) || (pod.spec?.priority ?? 0) >= CRITICAL_PRIORITY;
}

/**
 * Pure: pods in the order in which they have to go: those that use more than they asked for first, then those of lower priority, then those that
 * use most beyond what they asked for.
 */
export function ranked(pods: readonly Pod[], resource: string, consumption: Consumption): readonly Pod[] {
  const facts = new Map(
    pods.map((pod) => {
      const used = consumption.get(pod.metadata?.uid ?? '')?.total ?? 0;
      const asked = Number(podResourceRequests(pod).get(resource)?.value() ?? 0);
      return [pod, { excess: used - asked, priority: pod.spec?.priority ?? 0 }];
    }),
  );
  return pods.toSorted((a, b) => {
    const [mine, other] = [facts.get(a), facts.get(b)];
    if (!mine || !other) return 0;
    const exceeds = Number(other.excess > 0) - Number(mine.excess > 0);
    return exceeds || mine.priority - other.priority || other.excess - mine.excess;
  });
}

export interface EvictionReason {
  readonly resource: string;
  /** As the threshold has it. */
  readonly threshold: string;
  readonly available: string;
}

/** Pure: why a pod has to go, in the words that its status and the event about it have. */
export function evictionMessage(pod: Pod, reason: EvictionReason, consumption: PodConsumption | undefined): string {
  const { available, resource, threshold } = reason;
  const figures = `Threshold quantity: ${threshold}, available: ${available}. `;
  const containers = (pod.spec?.containers ?? []).flatMap((container) => {
    const used = consumption?.containers.get(container.name);
    const asked = requestOf(container, resource);
    if (used === undefined || used <= asked.amount) return [];
    const words = `Container ${container.name} was using ${binary(used)}, request is ${asked.text}, has larger consumption`;
    return [`${words} of ${resource}. `];
  });
  return `The node was low on resource: ${resource}. ${figures}${containers.join('')}`;
}

function requestOf({ resources }: Container, resource: string): { readonly amount: number; readonly text: string } {
  const text = resources?.requests?.[resource] ?? '0';
  return { amount: Number(parseQuantity(text).value()), text };
}

/** In whole Ki, as the node's own figures are written. */
export function binary(bytes: number): string {
  return `${Math.floor(bytes / 1024)}Ki`;
}
