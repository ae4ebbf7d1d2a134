import { findCondition, parseTime, toleratesTaint } from '@keelson/api';
import type { Pod, Taint } from '@keelson/api/core/v1';

/** When a pod has to leave a node with these taints: milliseconds since the epoch, 0 for at once, `undefined` for never. */
export function evictionTime(pod: Pod, taints: readonly Taint[]): number | undefined {
  let first: number | undefined;
  for (const taint of taints) {
    if (taint.effect !== 'NoExecute') continue;
    const atMs = timeFor(pod, taint);
    if (atMs !== undefined && (first === undefined || atMs < first)) first = atMs;
  }
  return first;
}

/** The first toleration that fits the taint counts, as it does upstream. */
function timeFor(pod: Pod, taint: Taint): number | undefined {
  const toleration = pod.spec?.tolerations?.find((each) => toleratesTaint(each, taint));
  if (!toleration) return 0;
  const { tolerationSeconds: seconds } = toleration;
  if (seconds === undefined) return undefined;
  if (seconds <= 0) return 0;
  // From when both were there. By what the API says, so that a restart of this process does not give the pod its time anew.
  return Math.max(parseTime(taint.timeAdded) ?? 0, boundMs(pod)) + seconds * 1_000;
}

function boundMs({ metadata, status }: Pod): number {
  const bound = findCondition(status?.conditions, 'PodScheduled');
  const since = bound?.status === 'True' ? parseTime(bound.lastTransitionTime) : undefined;
  return since ?? parseTime(metadata?.creationTimestamp) ?? 0;
}
