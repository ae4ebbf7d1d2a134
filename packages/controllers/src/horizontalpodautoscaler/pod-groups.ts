import { findCondition, nameOf, parseTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { Sample, Samples } from './samples.ts';

export interface Readiness {
  /** How long after its start a pod's CPU may be high without meaning anything. */
  readonly cpuInitializationMs: number;
  /** How long after its start a pod that has never been ready counts as one that is still starting. */
  readonly initialReadinessDelayMs: number;
  readonly nowMs: number;
}

/** Pods by what their metrics are worth. */
export interface PodGroups {
  readonly readyCount: number;
  /** They are starting: what they use says nothing yet. */
  readonly unready: ReadonlySet<string>;
  /** Nothing is known of them. */
  readonly missing: ReadonlySet<string>;
  /** They are ending. */
  readonly ignored: ReadonlySet<string>;
}

/** Only CPU is judged by readiness: programs use much of it while they start. */
export function groupPods(pods: readonly Pod[], samples: Samples, resource: string, readiness: Readiness): PodGroups {
  const [unready, missing, ignored] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let readyCount = 0;
  for (const pod of pods) {
    const name = nameOf(pod);
    const sample = samples.get(name);
    if (pod.metadata?.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') ignored.add(name);
    else if (pod.status?.phase === 'Pending') unready.add(name);
    else if (!sample) missing.add(name);
    else if (resource === 'cpu' && isStarting(pod, sample, readiness)) unready.add(name);
    else readyCount += 1;
  }
  return { readyCount, unready, missing, ignored };
}

function isStarting({ status }: Pod, sample: Sample, readiness: Readiness): boolean {
  const { cpuInitializationMs, initialReadinessDelayMs, nowMs } = readiness;
  const ready = findCondition(status?.conditions, 'Ready');
  const startMs = parseTime(status?.startTime);
  if (!ready || startMs === undefined) return true;
  const changedMs = parseTime(ready.lastTransitionTime) ?? 0;
  const isUnready = ready.status === 'False';
  // Early on, only a window that began after the pod became ready counts.
  if (startMs + cpuInitializationMs > nowMs) return isUnready || sample.atMs < changedMs + sample.windowMs;
  return isUnready && startMs + initialReadinessDelayMs > changedMs;
}
