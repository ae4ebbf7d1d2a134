import type { Pod, PodAffinity, PodAffinityTerm } from '@keelson/api/core/v1';
import type { LabelSelector } from '@keelson/api/meta/v1';

type Labels = Readonly<Record<string, string>>;

/** Puts what `matchLabelKeys` and `mismatchLabelKeys` stand for into the selectors beside them: the values that the pod itself has. Once, when it is made. */
export function resolveMatchLabelKeys({ metadata, spec }: Pod): void {
  const labels = metadata?.labels ?? {};
  for (const affinity of [spec?.affinity?.podAffinity, spec?.affinity?.podAntiAffinity]) {
    for (const { labelSelector, matchLabelKeys, mismatchLabelKeys } of termsOf(affinity)) {
      requireValues(labelSelector, { keys: matchLabelKeys, operator: 'In', labels });
      requireValues(labelSelector, { keys: mismatchLabelKeys, operator: 'NotIn', labels });
    }
  }
  for (const { labelSelector, matchLabelKeys } of spec?.topologySpreadConstraints ?? [])
    requireValues(labelSelector, { keys: matchLabelKeys, operator: 'In', labels });
}

function termsOf(affinity: PodAffinity | undefined): readonly PodAffinityTerm[] {
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...preferred.flatMap(({ podAffinityTerm }) => podAffinityTerm ?? []),
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
  ];
}

interface Requirement {
  readonly keys: readonly string[] | undefined;
  readonly operator: 'In' | 'NotIn';
  readonly labels: Labels;
}

/** A selector that is not there matches nothing, and is left so; keys that the pod has no label of count for nothing. */
function requireValues(selector: LabelSelector | undefined, { keys = [], operator, labels }: Requirement): void {
  if (selector === undefined) return;
  for (const key of keys) {
    const value = labels[key];
    if (value !== undefined) (selector.matchExpressions ??= []).push({ key, operator, values: [value] });
  }
}
