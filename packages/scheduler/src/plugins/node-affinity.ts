import { matchesNodeRequirement } from '@keelson/api';
import type { Node, NodeSelectorTerm, Pod } from '@keelson/api/core/v1';
import { labelsOf, normalizeByMax, type FilterPlugin, type ScorePlugin } from '../framework.ts';

/** A term without any expression matches no node. */
export function matchesTerm(term: NodeSelectorTerm, node: Node | undefined): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields = { 'metadata.name': node?.metadata?.name ?? '' };
  return (
    matchExpressions.every((requirement) => matchesNodeRequirement(requirement, labelsOf(node))) &&
    matchFields.every((requirement) => matchesNodeRequirement(requirement, fields))
  );
}

/** True if the pod's node selector and its required node affinity both allow the node. */
export function matchesNode(pod: Pod, node: Node | undefined): boolean {
  const labels = labelsOf(node);
  const selected = Object.entries(pod.spec?.nodeSelector ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return selected && (!required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node)));
}

/** Node selectors and node affinity. */
export const nodeAffinity: FilterPlugin & ScorePlugin & { readonly weight: number } = {
  name: 'NodeAffinity',
  weight: 2,
  filter(_state, pod, { node }) {
    if (matchesNode(pod, node)) return undefined;
    return { reason: "node(s) didn't match Pod's node affinity/selector", preemptable: false };
  },
  score(_state, pod, { node }) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.reduce((sum, { weight, preference }) => (matchesTerm(preference, node) ? sum + weight : sum), 0);
  },
  normalize(_state, _pod, scores) {
    normalizeByMax(scores);
  },
};
