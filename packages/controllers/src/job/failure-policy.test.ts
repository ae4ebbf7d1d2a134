import type { Job, PodFailurePolicyRule } from '@keelson/api/batch/v1';
import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { matchFailurePolicy } from './failure-policy.ts';

const pod: Pod = {
  metadata: { name: 'web-x', namespace: 'shop' },
  status: {
    phase: 'Failed',
    conditions: [{ type: 'DisruptionTarget', status: 'True' }],
    containerStatuses: [
      { name: 'good', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 0 } } },
      { name: 'bad', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated: { exitCode: 42 } } },
    ],
  },
};

const onExit = (action: PodFailurePolicyRule['action'], operator: 'In' | 'NotIn', values: number[], containerName?: string) => ({
  action,
  onExitCodes: { operator, values, ...(containerName !== undefined && { containerName }) },
});

describe('matchFailurePolicy', () => {
  it.each<{ title: string; rules: PodFailurePolicyRule[]; message: string | undefined }>([
    { title: 'no rules', rules: [], message: undefined },
    {
      title: 'an exit code',
      rules: [onExit('FailJob', 'In', [42])],
      message: 'Container bad for pod shop/web-x failed with exit code 42 matching FailJob rule at index 0',
    },
    { title: 'an exit code of another container', rules: [onExit('FailJob', 'In', [42], 'good')], message: undefined },
    { title: 'a container that succeeded, which never matches', rules: [onExit('FailJob', 'NotIn', [42])], message: undefined },
    {
      title: 'a condition, after a rule that does not match',
      rules: [
        onExit('FailIndex', 'In', [1, 2]),
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      ],
      message: 'Pod shop/web-x has condition DisruptionTarget matching Ignore rule at index 1',
    },
    {
      title: 'a condition of another status',
      rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'False' }] }],
      message: undefined,
    },
  ])('finds for $title: $message', ({ rules, message }) => {
    const job: Job = { spec: { podFailurePolicy: { rules }, template: { spec: { containers: [] } } } };

    expect(matchFailurePolicy(job, pod)?.message).toBe(message);
  });
});
