import { parseQuantity, Quantity } from '@keelson/api';
import type { Node, Pod } from '@keelson/api/core/v1';
import { addTo, podRequests } from './resources.ts';

/** Why a node will not run a pod that was given to it. The pod's phase becomes Failed with this. */
export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/**
 * Pure: whether a pod fits on the node it was bound to, for those that did not come through a scheduler. `others` are the pods that the
 * node has taken on and that have not ended.
 */
export function admit(pod: Pod, node: Pick<Node, 'metadata' | 'status'>, others: readonly Pod[]): Rejection | undefined {
  return wrongNode(pod, node) ?? tooMany(pod, node, others);
}

function wrongNode(pod: Pod, node: Pick<Node, 'metadata'>): Rejection | undefined {
  const labels = node.metadata?.labels ?? {};
  const misses = Object.entries(pod.spec?.nodeSelector ?? {}).some(([key, value]) => labels[key] !== value);
  if (!misses) return undefined;
  return {
    reason: 'NodeAffinity',
    message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
}

function tooMany(pod: Pod, node: Pick<Node, 'status'>, others: readonly Pod[]): Rejection | undefined {
  const allocatable = node.status?.allocatable ?? {};
  const used = new Map<string, Quantity>([['pods', parseQuantity(others.length)]]);
  for (const other of others) addTo(used, podRequests(other.spec ?? { containers: [] }));
  const wanted = podRequests(pod.spec ?? { containers: [] });
  wanted.set('pods', parseQuantity(1));
  for (const [name, amount] of wanted) {
    if (amount.isZero() || !isOnNode(name, allocatable)) continue;
    const capacity = parseQuantity(allocatable[name] ?? '0');
    const taken = used.get(name) ?? Quantity.ZERO;
    if (taken.add(amount).cmp(capacity) <= 0) continue;
    const figures = `requested: ${figure(name, amount)}, used: ${figure(name, taken)}, capacity: ${figure(name, capacity)}`;
    return { reason: `OutOf${name}`, message: `Pod was rejected: Node didn't have enough resource: ${name}, ${figures}` };
  }
  return undefined;
}

/** Resources of others (`example.com/gpu`) that the node does not have at all are judged too; ephemeral storage unknown to it is not. */
function isOnNode(name: string, allocatable: Readonly<Record<string, string>>): boolean {
  return name in allocatable || name.includes('/');
}

function figure(name: string, amount: Quantity): string {
  return String(name === 'cpu' ? amount.milliValue() : amount.value());
}
