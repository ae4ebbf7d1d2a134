import { isDnsLabel, type KubernetesObject } from '@keelson/api';
import type { JobSpec } from '@keelson/api/batch/v1';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import { Field } from '../../validation/field.ts';
import { podWarnings } from './pod-warnings.ts';

const MANY_COMPLETIONS = 100_000;
const MANY_AT_ONCE = 10_000;

/** Of a template of pods, if it can have changed. */
export function templateWarnings(
  object: KubernetesObject,
  old: Readonly<KubernetesObject> | undefined,
  template: PodTemplateSpec | undefined,
): readonly string[] {
  return template === undefined || !hasChanged(object, old) ? [] : podWarnings(template, place('spec.template'));
}

/** Of a template, and at first of the name, which those of the pods begin with. */
export function namedTemplateWarnings(
  object: KubernetesObject,
  old: Readonly<KubernetesObject> | undefined,
  template: PodTemplateSpec | undefined,
): readonly string[] {
  return [...(old ? [] : nameWarnings(object)), ...templateWarnings(object, old, template)];
}

/** Of the spec of a Job, or of what a CronJob makes Jobs of. */
export function jobSpecWarnings(spec: JobSpec | undefined, at: string): readonly string[] {
  if (spec === undefined) return [];
  const { completionMode, completions = 0, parallelism = 0, template } = spec;
  const isTooMuch = completionMode === 'Indexed' && completions > MANY_COMPLETIONS && parallelism > MANY_AT_ONCE;
  const warnings = isTooMuch
    ? [
        'In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
      ]
    : [];
  return [...warnings, ...podWarnings(template ?? {}, place(`${at}.template`))];
}

/** Names of pods are names of hosts. */
export function nameWarnings({ metadata }: KubernetesObject): readonly string[] {
  const problems = isDnsLabel(metadata?.name ?? '');
  if (problems.length === 0) return [];
  const why = 'this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended';
  return [`metadata.name: ${why}: [${problems.join(' ')}]`];
}

/** True unless an update has left the spec as it was. */
export function hasChanged({ metadata }: KubernetesObject, old: Readonly<KubernetesObject> | undefined): boolean {
  return metadata?.generation !== old?.metadata?.generation || old === undefined;
}

function place(path: string): Field {
  return Field.root([], path);
}
