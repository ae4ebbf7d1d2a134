import type { DaemonSet } from '@keelson/api/apps/v1';
import type { Affinity, Pod, PodSpec, PodTemplateSpec, Toleration } from '@keelson/api/core/v1';

/** The label of a pod, and of a revision, whose value is the hash of the template. */
export const HASH_LABEL = 'controller-revision-hash';
const GENERATION_LABEL = 'pod-template-generation';
const GENERATION = 'deprecated.daemonset.template.generation';
const NAME_FIELD = 'metadata.name';

const NODE = 'node.kubernetes.io';
/** A daemon stays on a node that is in trouble: it may be there to help. */
const TOLERATIONS: readonly Toleration[] = [
  { key: `${NODE}/not-ready`, operator: 'Exists', effect: 'NoExecute' },
  { key: `${NODE}/unreachable`, operator: 'Exists', effect: 'NoExecute' },
  { key: `${NODE}/disk-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${NODE}/memory-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${NODE}/pid-pressure`, operator: 'Exists', effect: 'NoSchedule' },
  { key: `${NODE}/unschedulable`, operator: 'Exists', effect: 'NoSchedule' },
];
const NETWORK: Toleration = { key: `${NODE}/network-unavailable`, operator: 'Exists', effect: 'NoSchedule' };

/** What the daemon's pods tolerate: what its template says, and what every daemon does. */
export function daemonTolerations({ tolerations = [], hostNetwork }: PodSpec): Toleration[] {
  const added = hostNetwork === true ? [...TOLERATIONS, NETWORK] : TOLERATIONS;
  const isReplaced = ({ key, operator, effect, value = '' }: Toleration): boolean =>
    value === '' && added.some((each) => each.key === key && each.operator === operator && each.effect === effect);
  return [...tolerations.filter((each) => !isReplaced(each)), ...added];
}

/** The pod of one node: the scheduler binds it, and to no other node. */
export function daemonTemplate(set: DaemonSet, nodeName: string, hash: string): PodTemplateSpec {
  const { metadata, spec } = set.spec?.template ?? {};
  const generation = set.metadata?.annotations?.[GENERATION];
  return {
    metadata: {
      ...metadata,
      labels: { ...metadata?.labels, [HASH_LABEL]: hash, ...(generation !== undefined && { [GENERATION_LABEL]: generation }) },
    },
    ...(spec && { spec: { ...spec, affinity: affinityTo(nodeName, spec.affinity), tolerations: daemonTolerations(spec) } }),
  };
}

/** Other requirements are met already: the node was chosen by them. */
function affinityTo(nodeName: string, affinity: Affinity | undefined): Affinity {
  const matchFields = [{ key: NAME_FIELD, operator: 'In', values: [nodeName] }];
  const required = { nodeSelectorTerms: [{ matchFields }] };
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: required },
  };
}

/** Where a pod is, or will be bound to; empty if it cannot be told. */
export function targetOf({ spec }: Pod): string {
  if (spec?.nodeName) return spec.nodeName;
  const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields = [] } of required?.nodeSelectorTerms ?? []) {
    for (const { key, operator, values = [] } of matchFields)
      if (key === NAME_FIELD && operator === 'In' && values.length === 1) return values[0] ?? '';
  }
  return '';
}

/** True if the pod is of the template as it is. */
export function isUpdated({ metadata }: Pod, hash: string): boolean {
  return metadata?.labels?.[HASH_LABEL] === hash;
}

/** One that is on its node first, then the oldest. */
export function byAge(a: Pod, b: Pod): number {
  const placed = Number((b.spec?.nodeName ?? '') !== '') - Number((a.spec?.nodeName ?? '') !== '');
  if (placed !== 0) return placed;
  const keyOf = ({ metadata }: Pod): string => `${metadata?.creationTimestamp ?? ''} ${metadata?.name ?? ''}`;
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
