import { resolveIntOrPercent } from '@keelson/api';
import type { Deployment, DeploymentSpec } from '@keelson/api/apps/v1';

/** A limit that says that there is none. */
const NO_LIMIT = 2_147_483_647;

export function replicasOf({ spec }: Deployment): number {
  return spec?.replicas ?? 1;
}

export function isRollingUpdate({ spec }: Deployment): boolean {
  return spec?.strategy?.type !== 'Recreate';
}

/** Pods that there may be beyond the replicas, while rolling. */
export function maxSurge(deployment: Deployment): number {
  return isRollingUpdate(deployment) ? fenceposts(deployment).surge : 0;
}

/** Pods that may be missing, while rolling. */
export function maxUnavailable(deployment: Deployment): number {
  const replicas = replicasOf(deployment);
  if (!isRollingUpdate(deployment) || replicas === 0) return 0;
  return Math.min(fenceposts(deployment).unavailable, replicas);
}

/** Percentages of the surge are rounded up, of the unavailable down. If both come to 0, one pod may be missing: it could never move on. */
function fenceposts(deployment: Deployment): { readonly surge: number; readonly unavailable: number } {
  const { maxSurge: surge, maxUnavailable: unavailable } = rollingOf(deployment.spec);
  const replicas = replicasOf(deployment);
  const resolved = {
    surge: resolveIntOrPercent(surge, replicas, true),
    unavailable: resolveIntOrPercent(unavailable, replicas, false),
  };
  return resolved.surge === 0 && resolved.unavailable === 0 ? { surge: 0, unavailable: 1 } : resolved;
}

function rollingOf(spec: DeploymentSpec | undefined): {
  readonly maxSurge: number | string;
  readonly maxUnavailable: number | string;
} {
  const { maxSurge: surge = 0, maxUnavailable: unavailable = 0 } = spec?.strategy?.rollingUpdate ?? {};
  return { maxSurge: surge, maxUnavailable: unavailable };
}

/** Without progress for so long, a rollout counts as stuck. */
export function progressDeadlineMs({ spec }: Deployment): number | undefined {
  const seconds = spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === NO_LIMIT ? undefined : seconds * 1000;
}

/** How many old ReplicaSets are kept. */
export function historyLimit({ spec }: Deployment): number | undefined {
  const limit = spec?.revisionHistoryLimit;
  return limit === undefined || limit === NO_LIMIT ? undefined : limit;
}
