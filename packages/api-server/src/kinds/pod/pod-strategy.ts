import { formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { invalid, type FieldError } from '../../validation/field-error.ts';
import { Field } from '../../validation/field.ts';
import { resolveMatchLabelKeys } from './match-label-keys.ts';
import { setPodDefaults } from './pod-defaults.ts';
import { validatePodStatusUpdate } from './pod-status.ts';
import { validatePodUpdate } from './pod-update.ts';
import { checkNewPod, validatePod } from './pod-validation.ts';
import { qosClassOf } from './quality-of-service.ts';
import { podWarnings } from '../warnings/pod-warnings.ts';

const DEFAULT_GRACE_SECONDS = 30;
const GATED = {
  type: 'PodScheduled',
  status: 'False',
  reason: 'SchedulingGated',
  message: 'Scheduling is blocked due to non-empty scheduling gates',
};

export const podStrategy: Strategy<Pod> = {
  // Pods are changed by programs, and often.
  warnings: (pod, old) => (old ? [] : podWarnings(pod, Field.root([]))),
  setDefaults: setPodDefaults,
  prepareForCreate(pod, { nowMs }) {
    const errors = Field.collect((at) => checkNewPod(pod, at));
    if (errors.length > 0) throw invalid({ group: '', kind: 'Pod', name: pod.metadata?.name ?? '' }, errors);
    pod.status = { phase: 'Pending', qosClass: qosClassOf(pod.spec ?? { containers: [] }) };
    if ((pod.spec?.schedulingGates ?? []).length > 0)
      pod.status.conditions = [{ ...GATED, lastTransitionTime: formatTime(nowMs) }];
    resolveMatchLabelKeys(pod);
  },
  // Old kubelets send owners that they did not understand.
  statusMetadata: ['labels', 'annotations', 'finalizers'],
  prepareForStatusUpdate(pod, old) {
    pod.status ??= {};
    mirrorAddresses(pod.status);
    // Only the kubelet knows how a pod ended; a client that leaves the class out does not mean to change it.
    if (pod.status.qosClass === undefined && old.status?.qosClass !== undefined) pod.status.qosClass = old.status.qosClass;
  },
  validate: (pod, _context, old) => (isSameSpec(pod, old) ? NO_ERRORS : validatePod(pod)),
  validateUpdate: (pod, old) => (isSameSpec(pod, old) ? NO_ERRORS : validatePodUpdate(pod, old)),
  validateStatusUpdate: validatePodStatusUpdate,
  gracePeriodSeconds,
  hasGeneration: true,
  allowUnconditionalUpdate: true,
  fieldValues: {
    'spec.nodeName': (pod) => pod.spec?.nodeName ?? '',
    'spec.restartPolicy': (pod) => pod.spec?.restartPolicy ?? '',
    'spec.schedulerName': (pod) => pod.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (pod) => pod.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (pod) => String(pod.spec?.hostNetwork ?? false),
    'status.phase': (pod) => pod.status?.phase ?? '',
    'status.podIP': (pod) => pod.status?.podIP ?? '',
    'status.podIPs': (pod) => (pod.status?.podIPs ?? []).map(({ ip }) => ip).join(','),
    'status.nominatedNodeName': (pod) => pod.status?.nominatedNodeName ?? '',
  },
};

const NO_ERRORS: readonly FieldError[] = [];

/** Hot path: an update shares with the old object what it leaves as it was; that was judged when it was written. */
function isSameSpec({ spec }: Pod, old: Readonly<Pod> | undefined): boolean {
  return old !== undefined && spec === old.spec;
}

/** The first of `podIPs` and `podIP` are the same, as are those of the host; either may be left out. */
function mirrorAddresses(status: NonNullable<Pod['status']>): void {
  if (status.podIPs?.[0] !== undefined) status.podIP ??= status.podIPs[0].ip;
  else if (status.podIP !== undefined) status.podIPs = [{ ip: status.podIP }];
  if (status.hostIPs?.[0] !== undefined) status.hostIP ??= status.hostIPs[0].ip;
  else if (status.hostIP !== undefined) status.hostIPs = [{ ip: status.hostIP }];
}

/**
 * A pod that no node has, or that has ended, goes at once. Otherwise its containers get the time that the client or the pod asks for; a
 * second deletion can shorten that, not lengthen it.
 */
function gracePeriodSeconds(pod: Pod, requestedSeconds: number | undefined): number {
  const phase = pod.status?.phase;
  if ((pod.spec?.nodeName ?? '') === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  const wanted = requestedSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const seconds = wanted < 0 ? 1 : wanted;
  if (pod.metadata?.deletionTimestamp === undefined) return seconds;
  return Math.min(seconds, pod.metadata.deletionGracePeriodSeconds ?? seconds);
}
