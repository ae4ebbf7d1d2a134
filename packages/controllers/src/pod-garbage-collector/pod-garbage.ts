import { findCondition, isPodTerminal, nameOf, parseTime } from '@keelson/api';
import type { Node, Pod, PodCondition } from '@keelson/api/core/v1';

/** A pod that is to go, and what its status is to say of it if it has not ended yet. */
export interface Garbage {
  readonly pod: Pod;
  readonly condition?: Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;
}

const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Pods that have ended, beyond as many as are kept: the evicted ones first, then the oldest. */
export function surplusTerminated(pods: readonly Pod[], threshold: number): readonly Garbage[] {
  const ended = pods.filter(isPodTerminal);
  if (threshold <= 0 || ended.length <= threshold) return [];
  return ended
    .toSorted((a, b) => Number(isEvicted(b)) - Number(isEvicted(a)) || byAge(a, b))
    .slice(0, ended.length - threshold)
    .map((pod) => ({ pod }));
}

/** Pods of nodes that are gone: no kubelet will ever report their end. */
export function orphaned(pods: readonly Pod[], goneNodes: ReadonlySet<string>): readonly Garbage[] {
  return pods
    .filter(({ spec }) => goneNodes.has(spec?.nodeName ?? ''))
    .map((pod) => ({
      pod,
      condition: {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByPodGC',
        message: 'PodGC: node no longer exists',
      },
    }));
}

/** Pods that are terminating and that no kubelet has to end. */
export function unscheduledTerminating(pods: readonly Pod[]): readonly Garbage[] {
  return pods.filter((pod) => isTerminating(pod) && (pod.spec?.nodeName ?? '') === '').map((pod) => ({ pod }));
}

/** Pods that are terminating on nodes of which somebody has said that they are shut down for good. */
export function outOfService(pods: readonly Pod[], nodeOf: (name: string) => Node | undefined): readonly Garbage[] {
  return pods.filter((pod) => isTerminating(pod) && isOutOfService(nodeOf(pod.spec?.nodeName ?? ''))).map((pod) => ({ pod }));
}

function isOutOfService(node: Node | undefined): boolean {
  if (!node || findCondition(node.status?.conditions, 'Ready')?.status === 'True') return false;
  return node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) ?? false;
}

function isTerminating({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

function isEvicted({ status }: Pod): boolean {
  return status?.phase === 'Failed' && status.reason === 'Evicted';
}

function byAge(a: Pod, b: Pod): number {
  const [createdA, createdB] = [a, b].map(({ metadata }) => parseTime(metadata?.creationTimestamp) ?? 0);
  return (createdA ?? 0) - (createdB ?? 0) || (nameOf(a) < nameOf(b) ? -1 : 1);
}
