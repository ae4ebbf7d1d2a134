import { MAX_NODE_SCORE, type FilterPlugin, type Refusal, type ScorePlugin, type Verdict } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import { podRequests, podRequestsForScoring, type Amounts } from '../pod-resources.ts';

/** What most clusters run out of; scores look at these. */
const SCORED = ['cpu', 'memory'];

/** The node has room for what the pod requests, and nodes with more room are better (`LeastAllocated`). */
export const nodeResourcesFit: FilterPlugin & ScorePlugin = {
  name: 'NodeResourcesFit',
  filter(_state, pod, node) {
    let found: Refusal[] | undefined;
    if (node.podCount + 1 > (node.allocatable.get('pods') ?? 0)) found = [{ reason: 'Too many pods', preemptable: true }];
    for (const [resource, amount] of podRequests(pod)) {
      const refusal = amount > 0 ? lacks(node, resource, amount) : undefined;
      if (refusal) (found ??= []).push(refusal);
    }
    return found && together(found);
  },
  score(_state, pod, node) {
    const shares = freeShares(node, podRequestsForScoring(pod));
    return Math.floor((shares.reduce((sum, share) => sum + share, 0) / SCORED.length) * MAX_NODE_SCORE);
  },
};

/** All that is missing is said; room can only be made if that helps with each of it. */
function together([first, ...others]: readonly Refusal[]): Verdict {
  if (!first || others.length === 0) return first;
  const preemptable = first.preemptable && others.every((other) => other.preemptable);
  return { reason: first.reason, more: others.map(({ reason }) => reason), preemptable };
}

function lacks(node: NodeInfo, resource: string, amount: number): Verdict {
  const allocatable = node.allocatable.get(resource) ?? 0;
  if (amount <= allocatable - (node.requested.get(resource) ?? 0)) return undefined;
  return { reason: `Insufficient ${resource}`, preemptable: amount <= allocatable };
}

/** Of each scored resource, the share of the node that stays free with the pod on it. */
function freeShares(node: NodeInfo, requests: Amounts): number[] {
  return SCORED.map((resource) => {
    const allocatable = node.allocatable.get(resource) ?? 0;
    const used = (node.requestedForScoring.get(resource) ?? 0) + (requests.get(resource) ?? 0);
    return allocatable === 0 || used > allocatable ? 0 : (allocatable - used) / allocatable;
  });
}

/** Nodes whose CPU and memory would be used to the same share are better: nothing of one is left over without the other. */
export const nodeResourcesBalancedAllocation: ScorePlugin = {
  name: 'NodeResourcesBalancedAllocation',
  score(_state, pod, node) {
    const requests = podRequests(pod);
    const shares = SCORED.map((resource) => {
      const allocatable = node.allocatable.get(resource) ?? 0;
      const used = (node.requested.get(resource) ?? 0) + (requests.get(resource) ?? 0);
      return allocatable === 0 ? 1 : Math.min(1, used / allocatable);
    });
    const [first = 0, second = 0] = shares;
    return Math.floor((1 - Math.abs(first - second) / 2) * MAX_NODE_SCORE);
  },
};
