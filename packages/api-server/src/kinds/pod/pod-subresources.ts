import { cloneJson } from '@keelson/api';
import type { Container, Pod, PodSpec } from '@keelson/api/core/v1';
import { sameJson } from '../../validation/equality.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { Field } from '../../validation/field.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { qosClassOf } from './quality-of-service.ts';

/** For `/ephemeralcontainers`: of what the client sent only the list of ephemeral containers counts. */
export function preparePodEphemeralContainers(pod: Pod, old: Readonly<Pod>): void {
  const ephemeralContainers = pod.spec?.ephemeralContainers;
  restore(pod, old);
  if (pod.spec !== undefined) pod.spec.ephemeralContainers = ephemeralContainers;
  setPodDefaults(pod);
}

/** Ephemeral containers can be added, never changed or taken away. `validate` of the strategy is to be asked as well. */
export function validatePodEphemeralContainers(pod: Pod, old: Readonly<Pod>): readonly FieldError[] {
  return Field.collect((root) => {
    const at = root.child('spec').child('ephemeralContainers');
    const now = new Map((pod.spec?.ephemeralContainers ?? []).map((container) => [container.name, container]));
    for (const container of old.spec?.ephemeralContainers ?? []) {
      const kept = now.get(container.name);
      if (kept === undefined) at.forbidden(`existing ephemeral containers "${container.name}" may not be removed\n`);
      else if (!sameJson(kept, container)) at.forbidden(`existing ephemeral containers "${container.name}" may not be changed\n`);
    }
  });
}

/** For `/resize`: of what the client sent only the containers' resources and resize policies count. */
export function preparePodResize(pod: Pod, old: Readonly<Pod>): void {
  const sent = cloneJson(pod.spec);
  restore(pod, old);
  if (pod.spec === undefined || sent === undefined) return;
  takeResources(pod.spec.containers, sent.containers);
  takeResources(pod.spec.initContainers, sent.initContainers);
}

function takeResources(containers: readonly Container[] | undefined, sent: readonly Container[] | undefined): void {
  for (const container of containers ?? []) {
    const wanted = sent?.find(({ name }) => name === container.name);
    if (wanted === undefined) continue;
    container.resources = wanted.resources;
    container.resizePolicy = wanted.resizePolicy;
  }
}

/** CPU and memory may change as long as the pod's quality of service does not. `validate` of the strategy is to be asked as well. */
export function validatePodResize(pod: Pod, old: Readonly<Pod>): readonly FieldError[] {
  const spec: PodSpec = pod.spec ?? { containers: [] };
  return Field.collect((root) => {
    const at = root.child('spec');
    if (qosClassOf(spec) !== qosClassOf(old.spec ?? { containers: [] }))
      at.invalid(qosClassOf(spec), 'Pod QOS Class may not change as a result of resizing');
    if (spec.os?.name === 'windows') at.forbidden('windows pods cannot be resized');
  });
}

function restore(pod: Pod, old: Readonly<Pod>): void {
  pod.spec = cloneJson(old.spec);
  pod.status = cloneJson(old.status);
  const resourceVersion = pod.metadata?.resourceVersion;
  pod.metadata = { ...cloneJson(old.metadata), ...(resourceVersion === undefined ? {} : { resourceVersion }) };
}
