import { expect } from 'vitest';
import type { PodCase, Step } from '../pod-case.ts';
import { forever, script } from './containers.ts';

const DELETE: Step = { title: 'delete it', act: (world) => world.delete(5), want: { gone: true } };
const FORCE: Step = { title: 'delete it by force', act: (world) => world.delete(0), want: { gone: true } };

/** The end of pods, and images that cannot be had. */
export const ENDING: readonly PodCase[] = [
  { title: 'ends a pod that is deleted', sim: {}, spec: { containers: [forever()] }, want: { phase: 'Running' }, then: [DELETE] },
  {
    title: 'tells of what it stops',
    sim: {},
    spec: { containers: [forever()] },
    want: { phase: 'Running' },
    then: [{ ...DELETE, want: { gone: true, events: ['Killing: Stopping container web'] } }],
  },
  {
    title: 'kills what does not end by itself',
    sim: { 'web.stop-seconds': '3600' },
    spec: { containers: [script('trap "" TERM; while :; do sleep 1; done')] },
    want: { phase: 'Running' },
    then: [DELETE],
  },
  {
    title: 'lets go of a pod that is deleted by force at once',
    sim: { 'web.stop-seconds': '3600' },
    spec: { containers: [script('trap "" TERM; while :; do sleep 1; done')] },
    want: { phase: 'Running' },
    then: [FORCE],
  },
  {
    title: 'deletes a pod that cannot start',
    sim: {},
    spec: {
      volumes: [{ name: 'v', configMap: { name: 'none' } }],
      containers: [forever('web', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    },
    want: { phase: 'Pending', events: [/^FailedMount/] },
    then: [DELETE],
  },
  {
    title: 'deletes a pod that waits for its next start',
    sim: { 'web.run-seconds': '0', 'web.exit-code': '1' },
    spec: { containers: [script('exit 1')] },
    want: { containers: { web: { state: { waiting: { reason: 'CrashLoopBackOff' } } } } },
    then: [DELETE],
  },
  {
    title: 'deletes a pod that has ended',
    sim: { 'web.run-seconds': '0' },
    spec: { restartPolicy: 'Never', containers: [script('exit 0')] },
    want: { phase: 'Succeeded' },
    then: [DELETE],
  },
  {
    title: 'deletes a pod in the middle of its init containers',
    sim: {},
    spec: { initContainers: [forever('first')], containers: [forever()] },
    want: { containers: { first: { state: { running: {} } } } },
    then: [DELETE],
  },
  {
    title: 'ends a pod in its time, however long its hook takes',
    sim: {},
    spec: {
      terminationGracePeriodSeconds: 600,
      containers: [forever('web', { lifecycle: { preStop: { sleep: { seconds: 500 } } } })],
    },
    want: { phase: 'Running' },
    then: [DELETE],
  },
  {
    title: 'makes a container anew that somebody has removed',
    sim: {},
    spec: { containers: [forever()] },
    want: { phase: 'Running', conditions: { Ready: 'True' } },
    then: [
      {
        title: 'remove it',
        act: async (world) => world.node.runtime.removeContainer(await world.containerId('web')),
        want: {
          phase: 'Running',
          conditions: { Ready: 'True' },
          containers: { web: { restartCount: 1, state: { running: {} } } },
        },
      },
    ],
  },
  {
    title: 'makes a sandbox anew that somebody has stopped',
    sim: {},
    spec: { containers: [forever()] },
    want: { phase: 'Running', conditions: { Ready: 'True' } },
    then: [
      {
        title: 'stop it',
        act: (world) => world.stopSandbox(),
        want: {
          phase: 'Running',
          conditions: { Ready: 'True' },
          // Its end may be seen before that of the sandbox: then one start more is tried in vain.
          containers: { web: { restartCount: expect.any(Number), state: { running: {} } } },
          events: ['SandboxChanged: Pod sandbox changed, it will be killed and re-created.'],
        },
      },
    ],
  },
  {
    title: 'refuses an image whose name is none',
    sim: {},
    spec: { containers: [forever('web', { image: 'UPPER/x y' })] },
    want: {
      phase: 'Pending',
      containers: { web: { state: { waiting: { reason: 'InvalidImageName' } } } },
      events: [/^InspectFailed: Failed to apply default image tag "UPPER\/x y": couldn't parse image name/],
    },
  },
  {
    title: 'never pulls what must not be pulled',
    sim: {},
    spec: { containers: [forever('web', { image: 'keelson/none:1', imagePullPolicy: 'Never' })] },
    want: {
      phase: 'Pending',
      containers: {
        web: {
          state: {
            waiting: {
              reason: 'ErrImageNeverPull',
              message: 'Container image "keelson/none:1" is not present with pull policy of Never',
            },
          },
        },
      },
      events: ['ErrImageNeverPull: Container image "keelson/none:1" is not present with pull policy of Never'],
    },
  },
  {
    title: 'says that an image cannot be had, and waits longer and longer',
    needs: ['pulls'],
    sim: {},
    spec: { containers: [forever('web', { image: 'registry.invalid/does-not-exist:1' })] },
    want: {
      phase: 'Pending',
      conditions: { Initialized: 'True', Ready: 'False/ContainersNotReady', PodReadyToStartContainers: 'True' },
      containers: {
        web: {
          state: {
            waiting: {
              reason: 'ImagePullBackOff',
              message: expect.stringMatching(/^Back-off pulling image "registry\.invalid\/does-not-exist:1": ErrImagePull: /),
            },
          },
        },
      },
      events: [
        'Pulling: Pulling image "registry.invalid/does-not-exist:1"',
        /^Failed: Failed to pull image "registry\.invalid\/does-not-exist:1": /,
        'Failed: Error: ErrImagePull',
        'BackOff: Back-off pulling image "registry.invalid/does-not-exist:1"',
      ],
    },
  },
  {
    title: 'runs an image that is there even if its registry is not',
    sim: {},
    spec: { containers: [forever('web', { imagePullPolicy: 'IfNotPresent' })] },
    want: { phase: 'Running' },
  },
];
