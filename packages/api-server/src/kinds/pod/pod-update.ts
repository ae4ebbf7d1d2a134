import type { Container, NodeAffinity, NodeSelectorTerm, Pod, PodSpec, Toleration } from '@keelson/api/core/v1';
import { MAX_INT32, rangeMessage } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { checkEach, Field } from '../../validation/field.ts';

const MUTABLE = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(',');

/** A pod's spec hardly changes: this is the list of what may. */
export function validatePodUpdate(pod: Pod, old: Readonly<Pod>): readonly FieldError[] {
  const spec = pod.spec ?? { containers: [] };
  const oldSpec = old.spec ?? { containers: [] };
  return Field.collect((root) => {
    const at = root.child('spec');
    if (!checkCounts(spec, oldSpec, at)) return;
    checkDeadline(spec.activeDeadlineSeconds, oldSpec.activeDeadlineSeconds, at.child('activeDeadlineSeconds'));
    checkGateChanges(spec, oldSpec, at);
    checkTolerationChanges(spec.tolerations ?? [], oldSpec.tolerations ?? [], at.child('tolerations'));
    const isGated = (oldSpec.schedulingGates ?? []).length > 0;
    if (isGated) checkNarrowing(spec, oldSpec, at);
    const compared = withMutableFieldsOf(oldSpec, spec, isGated);
    if (!sameJson(compared, oldSpec)) {
      at.forbidden(`pod updates may not change fields other than ${MUTABLE}\n${changedFields(compared, oldSpec).join('\n')}`);
    }
  });
}

/** False if containers came or went: then nothing else is worth comparing. */
function checkCounts(spec: PodSpec, old: PodSpec, at: Field): boolean {
  const before = at.errorCount;
  if ((spec.containers ?? []).length !== (old.containers ?? []).length) {
    at.child('containers').forbidden('pod updates may not add or remove containers');
  }
  if ((spec.initContainers ?? []).length !== (old.initContainers ?? []).length) {
    at.child('initContainers').forbidden('pod updates may not add or remove init containers');
  }
  return at.errorCount === before;
}

/** It can be set or brought nearer, not be put off or taken away. */
function checkDeadline(value: number | undefined, old: number | undefined, at: Field): void {
  if (value !== undefined) {
    if (value < 0 || value > MAX_INT32) at.invalid(value, rangeMessage(0, MAX_INT32));
    else if (old !== undefined && old < value) at.invalid(value, 'must be less than or equal to previous value');
  } else if (old !== undefined) {
    at.invalid(undefined, 'must not update from a positive integer to nil value');
  }
}

function checkGateChanges(spec: PodSpec, old: PodSpec, at: Field): void {
  const known = new Set((old.schedulingGates ?? []).map(({ name }) => name));
  checkEach(spec.schedulingGates, at, 'schedulingGates', ({ name }, gateAt) => {
    if (!known.has(name)) gateAt.child('name').forbidden(`only deletion is allowed, but found new scheduling gate '${name}'`);
  });
}

function checkTolerationChanges(tolerations: readonly Toleration[], old: readonly Toleration[], at: Field): void {
  const isKept = (toleration: Toleration): boolean =>
    tolerations.some((other) =>
      sameJson({ ...other, tolerationSeconds: undefined }, { ...toleration, tolerationSeconds: undefined }),
    );
  if (!old.every(isKept)) at.forbidden('existing toleration can not be modified except its tolerationSeconds');
}

/** A pod that waits behind a gate may be bound to fewer nodes than before, never to more. */
function checkNarrowing(spec: PodSpec, old: PodSpec, at: Field): void {
  for (const key in old.nodeSelector) {
    if (spec.nodeSelector?.[key] === old.nodeSelector[key]) continue;
    at.child('nodeSelector').invalid(spec.nodeSelector, 'only additions are allowed (no mutations or deletions)');
    break;
  }
  const affinity = spec.affinity?.nodeAffinity;
  const oldAffinity = old.affinity?.nodeAffinity;
  if (!isNarrower(affinity, oldAffinity)) {
    at.child('affinity')
      .child('nodeAffinity')
      .child(REQUIRED)
      .child('nodeSelectorTerms')
      .invalid(requiredTerms(affinity), 'only additions are allowed (no mutations or deletions)');
  }
}

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';

function requiredTerms(affinity: NodeAffinity | undefined): readonly NodeSelectorTerm[] | undefined {
  return affinity?.[REQUIRED]?.nodeSelectorTerms;
}

function isNarrower(affinity: NodeAffinity | undefined, old: NodeAffinity | undefined): boolean {
  const oldTerms = requiredTerms(old);
  if (oldTerms === undefined) return true;
  const terms = requiredTerms(affinity);
  if (terms?.length !== oldTerms.length) return false;
  return oldTerms.every((term, position) => startsWith(terms[position], term));
}

function startsWith(term: NodeSelectorTerm | undefined, old: NodeSelectorTerm): boolean {
  return (['matchExpressions', 'matchFields'] as const).every((name) => {
    const before = old[name] ?? [];
    return sameJson((term?.[name] ?? []).slice(0, before.length), before);
  });
}

/** `spec` with everything that may change as it was, so that what then differs is what may not. */
function withMutableFieldsOf(old: PodSpec, spec: PodSpec, isGated: boolean): PodSpec {
  const copy: PodSpec = {
    ...spec,
    containers: withImagesOf(old.containers, spec.containers),
    initContainers: withImagesOf(old.initContainers ?? [], spec.initContainers ?? []),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
  };
  if ((old.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    copy.terminationGracePeriodSeconds = old.terminationGracePeriodSeconds;
  }
  if (isGated) {
    copy.nodeSelector = old.nodeSelector;
    const affinity = { ...spec.affinity, nodeAffinity: old.affinity?.nodeAffinity };
    copy.affinity = old.affinity === undefined && !affinity.podAffinity && !affinity.podAntiAffinity ? undefined : affinity;
  }
  return copy;
}

function withImagesOf(old: readonly Container[], containers: readonly Container[]): Container[] {
  return containers.map((container, position) => ({ ...container, image: old[position]?.image }));
}

/** One line for each member of the spec that differs, old and new. */
function changedFields(spec: PodSpec, old: PodSpec): string[] {
  const keys = new Set([...Object.keys(spec), ...Object.keys(old)]) as Set<keyof PodSpec>;
  return [...keys]
    .filter((key) => !sameJson(spec[key], old[key]))
    .flatMap((key) => [`- ${key}: ${JSON.stringify(old[key]) ?? 'null'}`, `+ ${key}: ${JSON.stringify(spec[key]) ?? 'null'}`]);
}
