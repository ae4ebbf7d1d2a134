import { findCondition, formatTime, nameOf, parseTime } from '@keelson/api';
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from '@keelson/api/apps/v1';
import { progressDeadlineMs, replicasOf } from './limits.ts';

export const REASONS = {
  created: 'NewReplicaSetCreated',
  found: 'FoundNewReplicaSet',
  updated: 'ReplicaSetUpdated',
  available: 'NewReplicaSetAvailable',
  createError: 'ReplicaSetCreateError',
  timedOut: 'ProgressDeadlineExceeded',
  paused: 'DeploymentPaused',
  resumed: 'DeploymentResumed',
  enough: 'MinimumReplicasAvailable',
  tooFew: 'MinimumReplicasUnavailable',
} as const;

type Conditions = readonly DeploymentCondition[];
export type Finding = Required<Pick<DeploymentCondition, 'type' | 'reason' | 'message'>> & {
  readonly status: 'True' | 'False' | 'Unknown';
};

/** A condition that says the same for the same reason stays as it is, with its times and words. */
export function withCondition(conditions: Conditions, finding: Finding, nowMs: number): Conditions {
  const known = findCondition(conditions, finding.type);
  if (known?.status === finding.status && known.reason === finding.reason) return conditions;
  const now = formatTime(nowMs);
  const since = known?.status === finding.status ? known.lastTransitionTime : undefined;
  return [...without(conditions, finding.type), { ...finding, lastUpdateTime: now, lastTransitionTime: since ?? now }];
}

export function without(conditions: Conditions, type: string): Conditions {
  return conditions.filter((condition) => condition.type !== type);
}

/** What a Deployment reports, before and after. */
export interface Report {
  readonly deployment: Deployment;
  readonly newSet: ReplicaSet | undefined;
  /** As the server has it. */
  readonly before: DeploymentStatus;
  /** Without conditions. */
  readonly after: DeploymentStatus;
  readonly nowMs: number;
}

/** `conditions` with what is to be said of the progress of a rollout, which is nothing without a deadline. */
export function withProgress(conditions: Conditions, report: Report): Conditions {
  const { deployment, newSet, after, nowMs } = report;
  if (progressDeadlineMs(deployment) === undefined) return without(conditions, 'Progressing');
  const known = findCondition(conditions, 'Progressing');
  const isOver = (after.replicas ?? 0) === (after.updatedReplicas ?? 0) && known?.reason === REASONS.available;
  if (isOver) return conditions;
  const subject = newSet ? `ReplicaSet "${nameOf(newSet)}"` : `Deployment "${nameOf(deployment)}"`;
  if (isComplete(deployment, after)) {
    const message = `${subject} has successfully progressed.`;
    return withCondition(conditions, { type: 'Progressing', status: 'True', reason: REASONS.available, message }, nowMs);
  }
  if (isProgress(report)) return withFreshProgress(conditions, `${subject} is progressing.`, nowMs);
  if (!hasTimedOut(deployment, known, nowMs)) return conditions;
  const message = `${subject} has timed out progressing.`;
  return withCondition(conditions, { type: 'Progressing', status: 'False', reason: REASONS.timedOut, message }, nowMs);
}

/** Each step of progress counts anew, so `lastUpdateTime` moves on even if nothing else has changed. */
function withFreshProgress(conditions: Conditions, message: string, nowMs: number): Conditions {
  const known = findCondition(conditions, 'Progressing');
  const now = formatTime(nowMs);
  const since = known?.status === 'True' ? known.lastTransitionTime : undefined;
  const condition = { type: 'Progressing', status: 'True', reason: REASONS.updated, message };
  return [...without(conditions, 'Progressing'), { ...condition, lastUpdateTime: now, lastTransitionTime: since ?? now }];
}

/** All pods are new ones and available, and no old ones are left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const replicas = replicasOf(deployment);
  const counts = [status.updatedReplicas, status.replicas, status.availableReplicas];
  return counts.every((count) => (count ?? 0) === replicas) && isObserved(deployment, status);
}

function isObserved({ metadata }: Deployment, status: DeploymentStatus): boolean {
  return (status.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
}

/** More new pods, more ready or available ones, or fewer old ones. */
function isProgress({ before, after }: Report): boolean {
  const old = ({ replicas = 0, updatedReplicas = 0 }: DeploymentStatus): number => replicas - updatedReplicas;
  return (
    (after.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(after) < old(before) ||
    (after.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (after.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function hasTimedOut(deployment: Deployment, progress: DeploymentCondition | undefined, nowMs: number): boolean {
  if (!progress || progress.reason === REASONS.available) return false;
  if (progress.reason === REASONS.timedOut) return true;
  const sinceMs = parseTime(progress.lastUpdateTime) ?? 0;
  return nowMs > sinceMs + (progressDeadlineMs(deployment) ?? Number.POSITIVE_INFINITY);
}

/** Milliseconds until it must be looked at whether the rollout has got stuck; `undefined` if it cannot get stuck. */
export function untilDeadlineMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
  const deadlineMs = progressDeadlineMs(deployment);
  const progress = findCondition(status.conditions, 'Progressing');
  if (deadlineMs === undefined || !progress || isComplete(deployment, status)) return undefined;
  if (progress.reason === REASONS.timedOut || progress.reason === REASONS.available) return undefined;
  // One second more: times are written to the second.
  return Math.max(1, (parseTime(progress.lastUpdateTime) ?? nowMs) + deadlineMs + 1000 - nowMs);
}

/** The clock of the deadline stands still while the Deployment is paused; what has got stuck already stays so. */
export function withPause(conditions: Conditions, deployment: Deployment, nowMs: number): Conditions {
  const known = findCondition(conditions, 'Progressing');
  if (progressDeadlineMs(deployment) === undefined || known?.reason === REASONS.timedOut) return conditions;
  const isPaused = deployment.spec?.paused === true;
  if (isPaused === (known?.reason === REASONS.paused)) return conditions;
  const [reason, word] = isPaused ? [REASONS.paused, 'paused'] : [REASONS.resumed, 'resumed'];
  return withCondition(conditions, { type: 'Progressing', status: 'Unknown', reason, message: `Deployment is ${word}` }, nowMs);
}

/** A set that cannot create or delete its pods makes the Deployment say so, in the same words. */
export function withReplicaFailure(
  conditions: Conditions,
  newSet: ReplicaSet | undefined,
  oldSets: readonly ReplicaSet[],
): Conditions {
  const failure = [...(newSet ? [newSet] : []), ...oldSets]
    .map(({ status }) => findCondition(status?.conditions, 'ReplicaFailure'))
    .find((condition) => condition !== undefined);
  if (!failure) return without(conditions, 'ReplicaFailure');
  const known = findCondition(conditions, 'ReplicaFailure');
  if (known?.status === failure.status && known.reason === failure.reason) return conditions;
  return [...without(conditions, 'ReplicaFailure'), { ...failure, lastUpdateTime: failure.lastTransitionTime }];
}
