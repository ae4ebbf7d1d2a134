import type { Affinity, PodAffinityTerm, PodSpec, WeightedPodAffinityTerm } from '@keelson/api/core/v1';
import type { ObjectMeta } from '@keelson/api/meta/v1';
import { checkEach, type Field } from '../../validation/field.ts';
import { containerWarnings, fractionWarning } from './container-warnings.ts';
import { nodeLabelWarning, nodeSelectorTermWarnings } from './node-labels.ts';
import { portWarnings } from './port-warnings.ts';
import { volumeWarnings } from './volume-warnings.ts';

const DEPRECATED_ANNOTATIONS: readonly (readonly [name: string, message: string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const NO_SELECTOR = 'a null labelSelector results in matching no pod';

/** A pod, or a template of pods. */
interface PodLike {
  readonly metadata?: ObjectMeta | undefined;
  readonly spec?: PodSpec | undefined;
}

/** What a client should know of a pod that is let in; `at` is where the pod or its template is. */
export function podWarnings({ metadata = {}, spec }: PodLike, at: Field): readonly string[] {
  if (spec === undefined) return [];
  const specAt = at.child('spec');
  const warnings = [
    ...placementWarnings(spec, specAt),
    ...annotationWarnings(metadata, spec, at),
    ...volumeWarnings(spec.volumes, specAt),
    ...repeated(spec.hostAliases, 'ip', specAt.child('hostAliases')),
    ...repeated(spec.imagePullSecrets, 'name', specAt.child('imagePullSecrets')),
  ];
  checkEach(spec.imagePullSecrets, specAt, 'imagePullSecrets', ({ name = '' }, place) => {
    if (name === '') warnings.push(`${place.child('name')}: invalid empty name ""`);
  });
  for (const name of ['memory', 'ephemeral-storage'])
    warnings.push(...fractionWarning(spec.overhead?.[name], () => specAt.child('overhead').key(name)));
  warnings.push(...containerWarnings(spec, metadata, at), ...portWarnings(spec, specAt));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const place = specAt.child('terminationGracePeriodSeconds');
    warnings.push(`${place}: must be >= 0; negative values are invalid and will be treated as 1`);
  }
  return spec.affinity === undefined ? warnings : [...warnings, ...podAffinityWarnings(spec.affinity, specAt.child('affinity'))];
}

function placementWarnings(spec: PodSpec, at: Field): readonly string[] {
  const warnings: string[] = [];
  for (const label in spec.nodeSelector) {
    const message = nodeLabelWarning(label);
    if (message !== undefined) warnings.push(`${at.child('nodeSelector').key(label)}: ${message}`);
  }
  const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: preferred } =
    spec.affinity?.nodeAffinity ?? {};
  const nodeAt = at.child('affinity').child('nodeAffinity');
  const requiredAt = nodeAt.child('requiredDuringSchedulingIgnoredDuringExecution');
  checkEach(
    required?.nodeSelectorTerms,
    requiredAt,
    'nodeSelectorTerms',
    (term, place) => void warnings.push(...nodeSelectorTermWarnings(term, place)),
  );
  checkEach(
    preferred,
    nodeAt,
    'preferredDuringSchedulingIgnoredDuringExecution',
    ({ preference }, place) => void warnings.push(...nodeSelectorTermWarnings(preference ?? {}, place.child('preference'))),
  );
  checkEach(spec.topologySpreadConstraints, at, 'topologySpreadConstraints', ({ topologyKey = '', labelSelector }, place) => {
    const message = nodeLabelWarning(topologyKey);
    if (message !== undefined) warnings.push(`${place.child('topologyKey')}: ${topologyKey} is ${message}`);
    if (labelSelector === undefined) warnings.push(`${place.child('labelSelector')}: ${NO_SELECTOR}`);
  });
  return warnings;
}

function annotationWarnings({ annotations }: ObjectMeta, { securityContext }: PodSpec, at: Field): readonly string[] {
  if (annotations === undefined) return [];
  const place = at.child('metadata').child('annotations');
  const warnings = DEPRECATED_ANNOTATIONS.filter(([name]) => annotations[name] !== undefined).map(
    ([name, message]) => `${place.key(name)}: ${message}`,
  );
  if (annotations[SECCOMP_POD] !== undefined && securityContext?.seccompProfile === undefined)
    warnings.push(`${place.key(SECCOMP_POD)}: non-functional in v1.27+; use the "seccompProfile" field instead`);
  return warnings;
}

/** Items that say the same again, which clients lose when they apply them. */
function repeated<K extends string>(
  items: readonly { readonly [P in K]?: string | undefined }[] | undefined,
  key: K,
  list: Field,
): readonly string[] {
  const seen = new Set<string>();
  return (items ?? []).flatMap((item, position) => {
    const value = item[key] ?? '';
    if (seen.has(value)) return [`${list.index(position).child(key)}: duplicate ${key} ${JSON.stringify(value)}`];
    seen.add(value);
    return [];
  });
}

function podAffinityWarnings({ podAffinity, podAntiAffinity }: Affinity, at: Field): readonly string[] {
  const warnings: string[] = [];
  const look = ({ labelSelector }: PodAffinityTerm, place: Field): void => {
    if (labelSelector === undefined) warnings.push(`${place.child('labelSelector')}: ${NO_SELECTOR}`);
  };
  const lookWeighted = ({ podAffinityTerm }: WeightedPodAffinityTerm, place: Field): void =>
    look(podAffinityTerm ?? {}, place.child('podAffinityTerm'));
  for (const [name, terms] of Object.entries({ podAffinity, podAntiAffinity })) {
    const place = at.child(name);
    const {
      requiredDuringSchedulingIgnoredDuringExecution: required,
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
    } = terms ?? {};
    checkEach(required, place, 'requiredDuringSchedulingIgnoredDuringExecution', look);
    checkEach(preferred, place, 'preferredDuringSchedulingIgnoredDuringExecution', lookWeighted);
  }
  return warnings;
}
