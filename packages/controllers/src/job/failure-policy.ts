import { nameOf, namespaceOf } from '@keelson/api';
import type { Job, PodFailurePolicyRule } from '@keelson/api/batch/v1';
import type { ContainerStatus, Pod } from '@keelson/api/core/v1';

export interface PolicyMatch {
  readonly action: PodFailurePolicyRule['action'];
  readonly message: string;
}

/** What the first rule that matches says of a failed pod. */
export function matchFailurePolicy(job: Job, pod: Pod): PolicyMatch | undefined {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const what = matchRule(rule, pod);
    if (what !== undefined) return { action: rule.action, message: `${what} matching ${rule.action} rule at index ${index}` };
  }
  return undefined;
}

function matchRule({ onExitCodes, onPodConditions }: PodFailurePolicyRule, pod: Pod): string | undefined {
  const where = `${namespaceOf(pod)}/${nameOf(pod)}`;
  if (onExitCodes) {
    const { containerName, operator, values } = onExitCodes;
    const ended = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
      .filter(({ name }) => containerName === undefined || name === containerName)
      .find((status) => exitCodeOf(status) !== 0 && values.includes(exitCodeOf(status)) === (operator === 'In'));
    return ended && `Container ${ended.name} for pod ${where} failed with exit code ${exitCodeOf(ended)}`;
  }
  const condition = pod.status?.conditions?.find(({ type, status }) =>
    onPodConditions?.some((pattern) => pattern.type === type && (pattern.status ?? 'True') === status),
  );
  return condition && `Pod ${where} has condition ${condition.type}`;
}

/** 0 also for one that has not ended: neither can match. */
function exitCodeOf({ state }: ContainerStatus): number {
  return state?.terminated?.exitCode ?? 0;
}
