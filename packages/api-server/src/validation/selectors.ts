import { isValidLabelValue } from '@keelson/api';
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from '@keelson/api/core/v1';
import type { LabelSelector, LabelSelectorRequirement } from '@keelson/api/meta/v1';
import { checkLabelKey } from './checks.ts';
import type { Field } from './field.ts';
import { checkLabels } from './metadata.ts';

const NEEDS_VALUES = "must be specified when `operator` is 'In' or 'NotIn'";
const NO_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";

export function checkLabelSelector(selector: LabelSelector | undefined, at: Field): void {
  if (selector === undefined) return;
  if (selector.matchLabels !== undefined) checkLabels(selector.matchLabels, at.child('matchLabels'));
  for (const [position, requirement] of (selector.matchExpressions ?? []).entries()) {
    checkLabelRequirement(requirement, at.child('matchExpressions').index(position));
  }
}

function checkLabelRequirement(requirement: LabelSelectorRequirement, at: Field): void {
  checkOperator(requirement, at);
  checkLabelKey(requirement.key, at.child('key'));
  for (const [position, value] of (requirement.values ?? []).entries()) {
    for (const message of isValidLabelValue(value)) at.child('values').index(position).invalid(value, message);
  }
}

/** True for an operator that it knows. */
function checkOperator(requirement: { operator: string; values?: string[] | undefined }, at: Field): void {
  const count = requirement.values?.length ?? 0;
  if (requirement.operator === 'In' || requirement.operator === 'NotIn') {
    if (count === 0) at.child('values').required(NEEDS_VALUES);
  } else if (requirement.operator === 'Exists' || requirement.operator === 'DoesNotExist') {
    if (count > 0) at.child('values').forbidden(NO_VALUES);
  } else {
    at.child('operator').invalid(requirement.operator ?? '', 'not a valid selector operator');
  }
}

/** A selector without any term would match nothing. */
export function checkNodeSelector(selector: NodeSelector, at: Field): void {
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) at.child('nodeSelectorTerms').required('must have at least one node selector term');
  for (const [position, term] of terms.entries()) checkNodeSelectorTerm(term, at.child('nodeSelectorTerms').index(position));
}

export function checkNodeSelectorTerm(term: NodeSelectorTerm, at: Field): void {
  for (const [position, requirement] of (term.matchExpressions ?? []).entries()) {
    checkNodeRequirement(requirement, at.child('matchExpressions').index(position));
  }
  for (const [position, requirement] of (term.matchFields ?? []).entries()) {
    checkNodeFieldRequirement(requirement, at.child('matchFields').index(position));
  }
}

function checkNodeRequirement(requirement: NodeSelectorRequirement, at: Field): void {
  if (requirement.operator === 'Gt' || requirement.operator === 'Lt') {
    if (requirement.values?.length !== 1)
      at.child('values').required("must be specified single value when `operator` is 'Lt' or 'Gt'");
  } else {
    checkOperator(requirement, at);
  }
  checkLabelKey(requirement.key, at.child('key'));
  for (const [position, value] of (requirement.values ?? []).entries()) {
    for (const message of isValidLabelValue(value)) at.child('values').index(position).invalid(value, message);
  }
}

function checkNodeFieldRequirement(requirement: NodeSelectorRequirement, at: Field): void {
  if (requirement.operator !== 'In' && requirement.operator !== 'NotIn') {
    at.child('operator').invalid(requirement.operator ?? '', 'not a valid selector operator');
  } else if (requirement.values?.length !== 1) {
    at.child('values').required("must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  }
  if (requirement.key !== 'metadata.name') at.child('key').invalid(requirement.key ?? '', 'not a valid field selector key');
}
