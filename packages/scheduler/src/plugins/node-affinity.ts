import { allowsNode, matchesNodeSelectorTerm } from '@keelson/api';
import { normalizeByMax, type FilterPlugin, type ScorePlugin } from '../framework.ts';

/** Node selectors and node affinity. */
export const nodeAffinity: FilterPlugin & ScorePlugin & { readonly weight: number } = {
  name: 'NodeAffinity',
  weight: 2,
  filter(_state, pod, { node }) {
    if (allowsNode(pod, node)) return undefined;
    return { reason: "node(s) didn't match Pod's node affinity/selector", preemptable: false };
  },
  score(_state, pod, { node }) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.reduce((sum, { weight, preference }) => (matchesNodeSelectorTerm(preference, node) ? sum + weight : sum), 0);
  },
  normalize(_state, _pod, scores) {
    normalizeByMax(scores);
  },
};
