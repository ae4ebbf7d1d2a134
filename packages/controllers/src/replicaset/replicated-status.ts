import { errorMessage, isReason } from '@keelson/base';
import { findCondition, formatTime, isPodAvailable, isPodReady, nameOf, namespaceOf, parseTime, type Kind } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { Client } from '@keelson/client';
import { patchStatusIfChanged } from '@keelson/controller-runtime';
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

/** Until the next of the ready pods is available; `undefined` if none is waiting. */
export function untilNextAvailableMs(set: Replicated, active: readonly Pod[], nowMs: number): number | undefined {
  const minReadyMs = (set.spec?.minReadySeconds ?? 0) * 1000;
  const waits = active
    .filter((pod) => isPodReady(pod))
    .map((pod) => parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime))
    .map((readyMs) => (readyMs === undefined ? 0 : readyMs + minReadyMs - nowMs))
    .filter((waitMs) => waitMs > 0);
  return waits.length > 0 ? Math.min(...waits) : undefined;
}

/** Writes what differs. The status of a set changes often, and its spec at any time: on a conflict it is tried once more on the newest state. */
export async function writeStatus<T extends Replicated>(
  client: Client,
  kind: Kind<T>,
  set: T,
  status: Record<string, unknown>,
): Promise<void> {
  try {
    await patchStatusIfChanged(client, kind, set, status);
  } catch (error) {
    if (isReason(error, 'NotFound')) return;
    if (!isReason(error, 'Conflict')) throw error;
    const fresh = await client.resource(kind).find({ name: nameOf(set), namespace: namespaceOf(set) });
    if (fresh?.metadata?.uid === set.metadata?.uid && fresh) await patchStatusIfChanged(client, kind, fresh, status);
  }
}
