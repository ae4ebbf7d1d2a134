import { allowsNode, labelSelectorFrom, namespaceOf, untoleratedTaint, type LabelSelectorMatcher } from '@keelson/api';
import type { Pod, TopologySpreadConstraint } from '@keelson/api/core/v1';
import {
  labelsOf,
  MAX_NODE_SCORE,
  SKIP,
  type CycleState,
  type FilterPlugin,
  type PreFilterPlugin,
  type PreScorePlugin,
  type ScorePlugin,
} from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import { beginSpread, defaultSpreadOf, isSpreadByDefault } from './default-spread.ts';

/** One constraint with how many matching pods each of its domains has. */
interface Spread {
  readonly constraint: TopologySpreadConstraint;
  readonly selector: LabelSelectorMatcher;
  readonly counts: Map<string, number>;
}

const HARD = 'PodTopologySpread:hard';
const SOFT = 'PodTopologySpread:soft';

/** The constraint's selector, narrowed by the pod's own values of `matchLabelKeys` (KEP-3243). */
function selectorOf(pod: Pod, { labelSelector, matchLabelKeys }: TopologySpreadConstraint): LabelSelectorMatcher {
  const own = pod.metadata?.labels ?? {};
  const extra = (matchLabelKeys ?? [])
    .filter((key) => Object.hasOwn(own, key))
    .map((key) => ({ key, operator: 'In', values: [own[key] ?? ''] }));
  if (extra.length === 0) return labelSelectorFrom(labelSelector);
  return labelSelectorFrom({ ...labelSelector, matchExpressions: [...(labelSelector?.matchExpressions ?? []), ...extra] });
}

/** Which nodes count as places, by the constraint's node inclusion policies (KEP-3094). */
function counts(pod: Pod, { nodeAffinityPolicy, nodeTaintsPolicy }: TopologySpreadConstraint, node: NodeInfo): boolean {
  if ((nodeAffinityPolicy ?? 'Honor') === 'Honor' && !allowsNode(pod, node.node)) return false;
  return (
    nodeTaintsPolicy !== 'Honor' || !untoleratedTaint(node.node?.spec?.taints, pod.spec?.tolerations, ['NoSchedule', 'NoExecute'])
  );
}

function spreadOver(pod: Pod, nodes: readonly NodeInfo[], action: string): Spread[] {
  const constraints = (pod.spec?.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === action);
  const spreads = constraints.map((constraint) => ({
    constraint,
    selector: selectorOf(pod, constraint),
    counts: new Map<string, number>(),
  }));
  if (spreads.length === 0) return spreads;
  for (const node of nodes) {
    const labels = labelsOf(node.node);
    if (!constraints.every(({ topologyKey }) => Object.hasOwn(labels, topologyKey))) continue;
    for (const spread of spreads) if (counts(pod, spread.constraint, node)) addNode(spread, pod, node);
  }
  return spreads;
}

function addNode({ constraint, selector, counts: domains }: Spread, pod: Pod, node: NodeInfo): void {
  const domain = labelsOf(node.node)[constraint.topologyKey] ?? '';
  let matching = domains.get(domain) ?? 0;
  for (const other of node.pods) {
    const isPeer = namespaceOf(other) === namespaceOf(pod) && !other.metadata?.deletionTimestamp;
    if (isPeer && selector.matches(other.metadata?.labels)) matching += 1;
  }
  domains.set(domain, matching);
}

/** The fewest pods in any domain; 0 while there are fewer domains than `minDomains`. */
function globalMinimum({ constraint, counts: domains }: Spread): number {
  if (domains.size < (constraint.minDomains ?? 1)) return 0;
  return Math.min(...domains.values());
}

function read(state: CycleState, key: string): readonly Spread[] {
  return state.read<readonly Spread[]>(key) ?? [];
}

/** Spreads pods over zones, nodes or whatever a label tells apart (KEP-895); those of workloads that say nothing, over nodes and zones. */
export const podTopologySpread: PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin & { readonly weight: number } = {
  name: 'PodTopologySpread',
  weight: 2,
  preFilter(state, pod, snapshot) {
    const spreads = spreadOver(pod, snapshot.nodes, 'DoNotSchedule');
    state.write(HARD, spreads);
    return spreads.length === 0 ? SKIP : undefined;
  },
  filter(state, pod, { node }) {
    for (const spread of read(state, HARD)) {
      const domain = labelsOf(node)[spread.constraint.topologyKey];
      if (domain === undefined)
        return { reason: "node(s) didn't match pod topology spread constraints (missing required label)", preemptable: false };
      const self = spread.selector.matches(pod.metadata?.labels) ? 1 : 0;
      const skew = (spread.counts.get(domain) ?? 0) + self - globalMinimum(spread);
      if (skew > spread.constraint.maxSkew)
        return { reason: "node(s) didn't match pod topology spread constraints", preemptable: true };
    }
    return undefined;
  },
  preScore(state, pod, snapshot) {
    if ((pod.spec?.topologySpreadConstraints ?? []).length === 0) return beginSpread(state, pod, snapshot);
    const spreads = spreadOver(pod, snapshot.nodes, 'ScheduleAnyway');
    state.write(SOFT, spreads);
    return spreads.length === 0 ? SKIP : undefined;
  },
  score(state, _pod, nodeInfo) {
    const byDefault = defaultSpreadOf(state, nodeInfo);
    if (byDefault !== undefined) return byDefault;
    const { node } = nodeInfo;
    return read(state, SOFT).reduce((sum, spread) => {
      const domain = labelsOf(node)[spread.constraint.topologyKey];
      // The more domains there are, the less one more pod in one of them matters.
      const weight = Math.log(spread.counts.size + 2);
      return domain === undefined ? sum : sum + (spread.counts.get(domain) ?? 0) * weight + (spread.constraint.maxSkew - 1);
    }, 0);
  },
  normalize(state, _pod, scores) {
    const [least, most] = [Math.min(...scores), Math.max(...scores)];
    const isIdle = read(state, SOFT).length === 0 && !isSpreadByDefault(state);
    for (let at = 0; at < scores.length; at += 1) {
      scores[at] = isIdle
        ? 0
        : most === 0
          ? MAX_NODE_SCORE
          : Math.floor((MAX_NODE_SCORE * (most + least - (scores[at] ?? 0))) / most);
    }
  },
};
