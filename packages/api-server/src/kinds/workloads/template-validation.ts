import { labelSelectorFrom } from '@keelson/api';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import type { LabelSelector } from '@keelson/api/meta/v1';
import { isReason } from '@keelson/base';
import type { Field } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkPodTemplate, checkTemplateMetadata } from '../pod/pod-validation.ts';

/** The selector of a workload of `title`: there, and not one that selects everything. */
export function checkSelector(selector: LabelSelector | undefined, title: string, parent: Field): void {
  const at = parent.child('selector');
  if (selector === undefined) return at.required();
  checkLabelSelector(selector, at);
  if (isEmpty(selector)) at.invalid(selector, `empty selector is invalid for ${title}`);
}

function isEmpty(selector: LabelSelector): boolean {
  return Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;
}

/** Without a selector nothing is selected. True for a selector that is not valid: that is reported on its own. */
export function isSelected(selector: LabelSelector | undefined, labels: Readonly<Record<string, string>> | undefined): boolean {
  if (selector === undefined) return false;
  try {
    return labelSelectorFrom(selector).matches(labels ?? {});
  } catch (error) {
    if (isReason(error, 'BadRequest')) return true;
    throw error;
  }
}

export interface TemplateRules {
  readonly selector: LabelSelector | undefined;
  /** The pods' spec is judged when pods are made: the template alone does not say what they will have. */
  readonly isPartial?: boolean;
  /** The kind, in words. */
  readonly title: string;
}

/** A template of pods that a controller keeps running. */
export function checkWorkloadTemplate(
  template: PodTemplateSpec | undefined,
  { selector, title, isPartial = false }: TemplateRules,
  parent: Field,
): void {
  const at = parent.child('template');
  checkSelected(template, selector, at);
  if (isPartial) checkTemplateMetadata(template, at);
  else checkPodTemplate(template, at);
  const { restartPolicy, activeDeadlineSeconds } = template?.spec ?? {};
  if (restartPolicy !== 'Always' && restartPolicy !== undefined)
    at.child('spec').child('restartPolicy').notSupported(restartPolicy, ['Always']);
  if (activeDeadlineSeconds !== undefined) {
    at.child('spec').child('activeDeadlineSeconds').forbidden(`activeDeadlineSeconds in ${title} is not Supported`);
  }
}

/** What a workload makes it must also find; an empty selector is reported on its own. */
export function checkSelected(template: PodTemplateSpec | undefined, selector: LabelSelector | undefined, at: Field): void {
  const labels = template?.metadata?.labels;
  if ((selector !== undefined && isEmpty(selector)) || isSelected(selector, labels)) return;
  at.child('metadata')
    .child('labels')
    .invalid(labels ?? null, '`selector` does not match template `labels`');
}
