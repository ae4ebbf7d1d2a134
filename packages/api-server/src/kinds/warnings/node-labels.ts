import { isValidLabelValue } from '@keelson/api';
import type { NodeSelectorTerm } from '@keelson/api/core/v1';
import type { LabelSelector } from '@keelson/api/meta/v1';
import { checkEach, type Field } from '../../validation/field.ts';

/** Labels of nodes that have another name by now. */
const DEPRECATED: ReadonlyMap<string, string> = new Map([
  ['beta.kubernetes.io/arch', 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
  ['beta.kubernetes.io/os', 'deprecated since v1.14; use "kubernetes.io/os" instead'],
  ['failure-domain.beta.kubernetes.io/region', 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
  ['failure-domain.beta.kubernetes.io/zone', 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
  ['beta.kubernetes.io/instance-type', 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
  ['app.kubernetes.io/created-by', 'deprecated since v1.9'],
  ['scheduler.alpha.kubernetes.io/preferAvoidPods', 'deprecated since v1.22; use Taints and Tolerations instead'],
  ['node-role.kubernetes.io/master', 'use "node-role.kubernetes.io/control-plane" instead'],
]);

/** What is to be said of a label of nodes, if anything. */
export function nodeLabelWarning(label: string): string | undefined {
  return DEPRECATED.get(label);
}

/** `checksValues`: of values that no label can have, too. */
export function nodeSelectorTermWarnings(
  { matchExpressions }: NodeSelectorTerm,
  at: Field,
  checksValues = false,
): readonly string[] {
  const warnings: string[] = [];
  checkEach(matchExpressions, at, 'matchExpressions', ({ key = '', values = [] }, place) => {
    const message = nodeLabelWarning(key);
    if (message !== undefined) warnings.push(`${place.child('key')}: ${key} is ${message}`);
    if (!checksValues) return;
    for (const [index, value] of values.entries()) {
      for (const problem of isValidLabelValue(value))
        warnings.push(`${place.child('values').index(index)}: ${value} is invalid, ${problem}`);
    }
  });
  return warnings;
}

export function nodeLabelSelectorWarnings(selector: LabelSelector | undefined, at: Field): readonly string[] {
  const warnings = [...nodeSelectorTermWarnings({ matchExpressions: selector?.matchExpressions } as NodeSelectorTerm, at)];
  for (const label in selector?.matchLabels) {
    const message = nodeLabelWarning(label);
    if (message !== undefined) warnings.push(`${at.child('matchLabels').child(label)}: ${message}`);
  }
  return warnings;
}
