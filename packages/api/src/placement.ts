import type { Node, NodeSelectorTerm, Pod, Taint, Toleration } from './generated/core/v1.ts';
import { matchesNodeRequirement } from './selectors.ts';

type NamedNode = Pick<Node, 'metadata'> | undefined;

/** True if one term of a node selector allows the node; one without any expression allows none. */
export function matchesNodeSelectorTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: NamedNode): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const { name = '', labels = {} } = node?.metadata ?? {};
  const fields = { 'metadata.name': name };
  return (
    matchExpressions.every((requirement) => matchesNodeRequirement(requirement, labels)) &&
    matchFields.every((requirement) => matchesNodeRequirement(requirement, fields))
  );
}

/** True if the pod's node selector and its required node affinity both allow the node. */
export function allowsNode(pod: Pod, node: NamedNode): boolean {
  const labels = node?.metadata?.labels ?? {};
  const selected = Object.entries(pod.spec?.nodeSelector ?? {}).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return selected && (!required || required.nodeSelectorTerms.some((term) => matchesNodeSelectorTerm(term, node)));
}

/** True if one toleration covers this taint: an empty key with `Exists` covers all, an empty effect every effect. */
export function toleratesTaint({ key, operator, value, effect }: Toleration, taint: Taint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  if (operator === 'Exists') return true;
  return Boolean(key) && (operator ?? 'Equal') === 'Equal' && (value ?? '') === (taint.value ?? '');
}

/** The first taint with one of `effects` that nothing tolerates. */
export function untoleratedTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined {
  return taints?.find(
    (taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => toleratesTaint(toleration, taint)),
  );
}
