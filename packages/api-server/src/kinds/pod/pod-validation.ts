import { isDnsSubdomain } from '@keelson/api';
import type { Pod, PodSpec, PodTemplateSpec } from '@keelson/api/core/v1';
import { checkChoice, checkNamed, checkOptionalChoice, checkRange, MAX_INT32 } from '../../validation/checks.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { Field } from '../../validation/field.ts';
import { checkAnnotations, checkLabels } from '../../validation/metadata.ts';
import { checkResourceAmount, checkResourceName } from '../../validation/quantities.ts';
import { checkContainers } from './container-validation.ts';
import { checkPodNetwork } from './network-validation.ts';
import { checkResources } from './resource-validation.ts';
import {
  checkAffinity,
  checkGates,
  checkResourceClaims,
  checkTolerations,
  checkTopologySpread,
} from './scheduling-validation.ts';
import { checkPodSecurity } from './security-validation.ts';
import { checkVolumes } from './volume-validation.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const PREEMPTION = ['Never', 'PreemptLowerPriority'];
const SYSTEMS = ['linux', 'windows'];
const NO_CLAIMS: ReadonlySet<string> = new Set();

/** Everything that holds of a pod at any time. */
export function validatePod(pod: Pod): readonly FieldError[] {
  return Field.collect((at) => checkPodSpec(pod.spec ?? { containers: [] }, at.child('spec')));
}

/** What holds of a new pod only. */
export function checkNewPod(pod: Pod, at: Field): void {
  const { spec } = pod;
  if ((spec?.ephemeralContainers ?? []).length > 0)
    at.child('spec').child('ephemeralContainers').forbidden('cannot be set on create');
  if ((spec?.nodeName ?? '') !== '' && (spec?.schedulingGates ?? []).length > 0) {
    at.child('spec').child('nodeName').forbidden('cannot be set until all schedulingGates have been cleared');
  }
}

/** Of a pod, or of a template for pods. */
export function checkPodSpec(spec: PodSpec, at: Field, isTemplate = false): void {
  const claims = checkResourceClaims(spec, at);
  const volumes = checkVolumes(spec.volumes, at);
  checkContainers({ spec, volumes, claims, isTemplate }, at);
  checkChoice(spec.restartPolicy, RESTART_POLICIES, () => at.child('restartPolicy'));
  checkLabels(spec.nodeSelector, at.child('nodeSelector'));
  checkPodSecurity(spec, at);
  checkAffinity(spec.affinity, at);
  checkPodNetwork(spec, at);
  checkGates(spec, at);
  checkTopologySpread(spec.topologySpreadConstraints, at);
  for (const name of NAMES) checkNamed(isDnsSubdomain, spec[name], at, name);
  checkRange(spec.activeDeadlineSeconds, [1, MAX_INT32], () => at.child('activeDeadlineSeconds'));
  checkTolerations(spec.tolerations, at);
  checkOptionalChoice(spec.preemptionPolicy, PREEMPTION, () => at.child('preemptionPolicy'));
  checkOverhead(spec, at);
  checkResources(spec.resources, NO_CLAIMS, at.child('resources'));
  if (spec.os !== undefined) checkChoice(spec.os.name, SYSTEMS, () => at.child('os').child('name'));
}

const NAMES = ['serviceAccountName', 'nodeName', 'priorityClassName', 'runtimeClassName', 'schedulerName'] as const;

function checkOverhead(spec: PodSpec, parent: Field): void {
  for (const name in spec.overhead) {
    const at = parent.child('overhead').key(name);
    checkResourceName(name, at);
    checkResourceAmount(name, spec.overhead[name] ?? '0', at);
  }
}

/** A template of a workload's pods. */
export function checkPodTemplate(template: PodTemplateSpec | undefined, at: Field): void {
  checkTemplateMetadata(template, at);
  checkPodSpec(template?.spec ?? { containers: [] }, at.child('spec'), true);
  if ((template?.spec?.ephemeralContainers ?? []).length > 0) {
    at.child('spec').child('ephemeralContainers').forbidden('ephemeral containers not allowed in pod template');
  }
}

/** Of a template what does not depend on what becomes of it. */
export function checkTemplateMetadata(template: PodTemplateSpec | undefined, at: Field): void {
  checkLabels(template?.metadata?.labels, at.child('labels'));
  checkAnnotations(template?.metadata?.annotations, at.child('annotations'));
}
