import { labelSelectorFrom } from '@keelson/api';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import type { LabelSelector } from '@keelson/api/meta/v1';
import { isReason } from '@keelson/base';
import type { Field } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkPodTemplate } from '../pod/pod-validation.ts';

/** The selector of a workload of `title`: there, and not one that selects everything. True if it can be used. */
export function checkSelector(selector: LabelSelector | undefined, title: string, parent: Field): boolean {
  const at = parent.child('selector');
  const before = at.errorCount;
  if (selector === undefined) {
    at.required();
  } else {
    checkLabelSelector(selector, at);
    const isEmpty = Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
    if (isEmpty) at.invalid(selector, `empty selector is invalid for ${title}`);
  }
  return at.errorCount === before;
}

/** False also for a selector that is not valid: that is reported on its own. */
export function isSelected(selector: LabelSelector, labels: Readonly<Record<string, string>> | undefined): boolean {
  try {
    return labelSelectorFrom(selector).matches(labels ?? {});
  } catch (error) {
    if (isReason(error, 'BadRequest')) return false;
    throw error;
  }
}

export interface TemplateRules {
  /** The selector, if it is usable. */
  readonly selector: LabelSelector | undefined;
  /** The kind, in words. */
  readonly title: string;
}

/** A template of pods that a controller keeps running. */
export function checkWorkloadTemplate(
  template: PodTemplateSpec | undefined,
  { selector, title }: TemplateRules,
  parent: Field,
): void {
  const at = parent.child('template');
  const labels = template?.metadata?.labels;
  if (selector !== undefined && !isSelected(selector, labels)) {
    at.child('metadata').child('labels').invalid(labels, '`selector` does not match template `labels`');
  }
  checkPodTemplate(template, at);
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy !== 'Always' && restartPolicy !== undefined)
    at.child('spec').child('restartPolicy').notSupported(restartPolicy, ['Always']);
  if (activeDeadlineSeconds !== undefined) {
    at.child('spec').child('activeDeadlineSeconds').forbidden(`activeDeadlineSeconds in ${title} is not Supported`);
  }
}
