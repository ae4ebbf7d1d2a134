import { describe, expect, it } from 'vitest';
import type { Container, ContainerState, ContainerStatus } from '@keelson/api/core/v1';
import { podPhase } from './pod-phase.ts';

const STATES = {
  running: { state: { running: {} } },
  waiting: { state: { waiting: {} } },
  backoff: { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: { exitCode: 1 } } },
  done: { state: { terminated: { exitCode: 0 } } },
  failed: { state: { terminated: { exitCode: 1 } } },
  reset: { state: { waiting: {} }, lastState: { terminated: { exitCode: 137, reason: 'RestartingAllContainers' } } },
} satisfies Record<string, { state: ContainerState; lastState?: ContainerState }>;

type Word = keyof typeof STATES | 'missing';

function statuses(words: readonly Word[]): ContainerStatus[] {
  return words.flatMap((word, at) =>
    word === 'missing' ? [] : [{ name: `c${at}`, image: '', imageID: '', ready: false, restartCount: 0, ...STATES[word] }],
  );
}

function phase(input: {
  policy: string;
  main: readonly Word[];
  init?: readonly Word[];
  stopped?: boolean;
  previous?: string;
}): string {
  const { init = [], main, policy } = input;
  return podPhase({
    spec: {
      restartPolicy: policy,
      containers: main.map((_, at) => ({ name: `c${at}` })),
      initContainers: init.map((_, at) => ({ name: `c${at}` })),
    },
    initStatuses: statuses(init),
    statuses: statuses(main),
    allStopped: input.stopped ?? false,
    previous: input.previous,
  });
}

describe('podPhase', () => {
  it.each<{ policy: string; main: Word[]; init?: Word[]; stopped?: boolean; previous?: string; want: string }>([
    { policy: 'Always', main: ['waiting'], want: 'Pending' },
    { policy: 'Always', main: ['running'], want: 'Running' },
    { policy: 'Always', main: ['running', 'waiting'], want: 'Pending' },
    { policy: 'Always', main: ['running', 'missing'], want: 'Pending' },
    { policy: 'Always', main: ['backoff'], want: 'Running' },
    { policy: 'Always', main: ['done', 'failed'], want: 'Running' },
    { policy: 'Always', main: ['done'], stopped: true, want: 'Succeeded' },
    { policy: 'Always', main: ['failed'], stopped: true, want: 'Failed' },
    { policy: 'OnFailure', main: ['failed'], want: 'Running' },
    { policy: 'OnFailure', main: ['done', 'backoff'], want: 'Running' },
    { policy: 'OnFailure', main: ['done', 'done'], want: 'Succeeded' },
    { policy: 'Never', main: ['done', 'running'], want: 'Running' },
    { policy: 'Never', main: ['done', 'failed'], want: 'Failed' },
    { policy: 'Never', main: ['done', 'done'], want: 'Succeeded' },
    { policy: 'Always', init: ['running'], main: ['waiting'], want: 'Pending' },
    { policy: 'Always', init: ['failed'], main: ['waiting'], want: 'Pending' },
    { policy: 'Always', init: ['backoff'], main: ['waiting'], want: 'Pending' },
    { policy: 'Never', init: ['failed'], main: ['waiting'], want: 'Failed' },
    { policy: 'Always', init: ['done'], main: ['running'], want: 'Running' },
    { policy: 'Never', init: ['reset'], main: ['reset'], want: 'Pending' },
    { policy: 'Never', init: ['done'], main: ['running', 'reset'], want: 'Pending' },
    { policy: 'Always', main: ['running'], previous: 'Failed', want: 'Failed' },
    { policy: 'Always', main: ['running'], previous: 'Succeeded', want: 'Succeeded' },
  ])('$policy init=$init main=$main stopped=$stopped was=$previous is $want', ({ want, ...input }) => {
    expect(phase(input)).toBe(want);
  });

  const CODES = { operator: 'In', values: [1] };
  it.each<{ title: string; policy: string; init: Partial<Container>; want: string }>([
    { title: 'its own policy', policy: 'Never', init: { restartPolicy: 'OnFailure' }, want: 'Pending' },
    { title: 'its own policy, for good', policy: 'Always', init: { restartPolicy: 'Never' }, want: 'Failed' },
    ...['Restart', 'RestartAllContainers'].map((action) => ({
      title: `its rule ${action}`,
      policy: 'Never',
      init: { restartPolicy: 'Never', restartPolicyRules: [{ action, exitCodes: CODES }] },
      want: 'Pending',
    })),
  ])('goes by what an init container says of its failures: $title', ({ policy, init, want }) => {
    const spec = { restartPolicy: policy, containers: [{ name: 'c0' }], initContainers: [{ name: 'c0', ...init }] };

    const input = { spec, initStatuses: statuses(['failed']), statuses: statuses(['waiting']), allStopped: false };

    expect(podPhase(input)).toBe(want);
  });
});
