import { findCondition, formatTime, isPodAvailable, isPodReady } from '@keelson/api';
import { errorMessage } from '@keelson/base';
import type { Pod } from '@keelson/api/core/v1';
import type { Replicated, ReplicatedCondition } from './replicated.ts';

/** What a reconciliation has found and done. */
export interface Findings {
  readonly active: readonly Pod[];
  /** Absent if the kind does not report them. */
  readonly terminating: readonly Pod[] | undefined;
  /** Why pods could not be created or deleted. */
  readonly failure: unknown;
  readonly nowMs: number;
}

/** The fields of the status; a count of 0 is left out where Kubernetes leaves it out. */
export function statusOf(set: Replicated, { active, terminating, failure, nowMs }: Findings): Record<string, unknown> {
  const wantedLabels = Object.entries(set.spec?.template?.metadata?.labels ?? {});
  const count = (holds: (pod: Pod) => boolean): number => active.filter(holds).length;
  const hasLabels = ({ metadata }: Pod): boolean => wantedLabels.every(([key, value]) => metadata?.labels?.[key] === value);
  const minReadySeconds = set.spec?.minReadySeconds ?? 0;
  return {
    replicas: active.length,
    fullyLabeledReplicas: count(hasLabels) || undefined,
    readyReplicas: count(isPodReady) || undefined,
    availableReplicas: count((pod) => isPodAvailable(pod, minReadySeconds, nowMs)) || undefined,
    ...(terminating && { terminatingReplicas: terminating.length }),
    observedGeneration: set.metadata?.generation,
    conditions: conditionsOf(set, { active, failure, nowMs }),
  };
}

/** A failure that is known already keeps its first words; `undefined` if no condition is left. */
function conditionsOf(
  set: Replicated,
  { active, failure, nowMs }: Pick<Findings, 'active' | 'failure' | 'nowMs'>,
): readonly ReplicatedCondition[] | undefined {
  const known = set.status?.conditions;
  const isKnown = findCondition(known?.slice(), 'ReplicaFailure') !== undefined;
  if (failure !== undefined && isKnown) return known;
  const others = (known ?? []).filter(({ type }) => type !== 'ReplicaFailure');
  if (failure === undefined) return others.length > 0 ? others : undefined;
  const reason = active.length < (set.spec?.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete';
  const message = errorMessage(failure);
  return [...others, { type: 'ReplicaFailure', status: 'True', reason, message, lastTransitionTime: formatTime(nowMs) }];
}
