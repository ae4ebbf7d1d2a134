import type { PodCase } from '../pod-case.ts';
import { after, AT_LEAST_ONCE, forever, RUNNING, script } from './containers.ts';

const shared = { volumes: [{ name: 'v', emptyDir: {} }] };
const volumeMounts = [{ name: 'v', mountPath: '/v' }];
const ONCE = { restartPolicy: 'Never' } as const;
const SIDECAR = { restartPolicy: 'Always' } as const;

/** Init containers, sidecars, ephemeral containers. */
export const INIT: readonly PodCase[] = [
  {
    title: 'runs init containers one after the other, then the main ones',
    spec: {
      ...shared,
      initContainers: [
        script('sleep 0.5; echo one >> /v/order', { name: 'first', volumeMounts }),
        script('echo two >> /v/order', { name: 'second', volumeMounts }),
      ],
      containers: [after('echo three >> /v/order', { volumeMounts })],
    },
    want: {
      phase: 'Running',
      conditions: { Initialized: 'True', Ready: 'True' },
      containers: {
        first: { ready: true, started: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } },
        second: { ready: true, state: { terminated: { exitCode: 0 } } },
      },
      exec: [{ command: ['cat', '/v/order'], prints: 'one\ntwo\nthree' }],
    },
  },
  {
    title: 'holds the main containers back while an init container runs',
    sim: {},
    spec: { initContainers: [forever('first')], containers: [forever()] },
    want: {
      phase: 'Pending',
      conditions: { Initialized: 'False/ContainersNotInitialized', Ready: 'False/ContainersNotReady' },
      containers: {
        first: { ...RUNNING, ready: false },
        web: { restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } },
      },
    },
  },
  {
    title: 'fails a pod under Never whose init container fails',
    sim: { 'first.run-seconds': '0', 'first.exit-code': '4' },
    spec: { ...ONCE, initContainers: [script('exit 4', { name: 'first' })], containers: [forever()] },
    want: {
      phase: 'Failed',
      conditions: { Initialized: 'False/ContainersNotInitialized' },
      containers: {
        first: { ready: false, state: { terminated: { exitCode: 4, reason: 'Error' } } },
        web: { restartCount: 0, state: { waiting: { reason: 'PodInitializing' } } },
      },
    },
  },
  {
    title: 'tries a failed init container again under Always',
    sim: { 'first.run-seconds': '0', 'first.exit-code': '4' },
    spec: { initContainers: [script('exit 4', { name: 'first' })], containers: [forever()] },
    want: {
      phase: 'Pending',
      containers: { first: { restartCount: AT_LEAST_ONCE, state: { waiting: { reason: 'CrashLoopBackOff' } } } },
    },
  },
  {
    title: 'goes on once an init container has succeeded at last',
    spec: {
      ...shared,
      restartPolicy: 'OnFailure',
      initContainers: [script('[ -e /v/again ] && exit 0; touch /v/again; exit 1', { name: 'first', volumeMounts })],
      containers: [script('echo main')],
    },
    want: { phase: 'Succeeded', containers: { first: { restartCount: 1, ready: true } }, logs: { web: 'main' } },
  },
  {
    title: 'keeps a sidecar running beside the main container',
    sim: {},
    spec: { initContainers: [forever('side', SIDECAR)], containers: [forever()] },
    want: {
      phase: 'Running',
      conditions: { Initialized: 'True', Ready: 'True' },
      containers: { side: { ...RUNNING, ready: true, started: true }, web: { ...RUNNING, ready: true } },
    },
  },
  {
    title: 'starts the main container only when the startup probe of a sidecar has passed',
    spec: {
      ...shared,
      initContainers: [
        after('sleep 1; echo side > /v/side', {
          name: 'side',
          ...SIDECAR,
          volumeMounts,
          startupProbe: { exec: { command: ['cat', '/v/side'] }, periodSeconds: 1, failureThreshold: 30 },
        }),
      ],
      containers: [script('cat /v/side; sleep 3600', { volumeMounts })],
    },
    want: { phase: 'Running', logs: { web: 'side' }, containers: { side: { started: true } } },
  },
  {
    title: 'starts the main container only when the postStart hook of a sidecar has ended',
    spec: {
      ...shared,
      initContainers: [
        forever('side', {
          ...SIDECAR,
          volumeMounts,
          lifecycle: { postStart: { exec: { command: ['sh', '-c', 'sleep 1; echo hook > /v/hook'] } } },
        }),
      ],
      containers: [script('cat /v/hook; sleep 3600', { volumeMounts })],
    },
    want: { phase: 'Running', logs: { web: 'hook' } },
  },
  {
    title: 'starts sidecars and init containers in their order',
    spec: {
      ...shared,
      initContainers: [
        script('echo a >> /v/order', { name: 'a', volumeMounts }),
        after('echo b >> /v/order', { name: 'b', ...SIDECAR, volumeMounts }),
        script('sleep 0.5; echo c >> /v/order', { name: 'c', volumeMounts }),
      ],
      containers: [after('echo d >> /v/order', { volumeMounts })],
    },
    want: { phase: 'Running', exec: [{ command: ['cat', '/v/order'], prints: 'a\nb\nc\nd' }] },
  },
  {
    title: 'completes a pod when its main container has, and ends the sidecar then',
    sim: { 'web.run-seconds': '1' },
    spec: { ...ONCE, initContainers: [forever('side', SIDECAR)], containers: [script('sleep 1')] },
    want: {
      phase: 'Succeeded',
      containers: { web: { state: { terminated: { exitCode: 0 } } }, side: { ready: false, state: { terminated: {} } } },
    },
  },
  {
    title: 'takes a sidecar that ends badly for no failure of the pod',
    spec: {
      ...ONCE,
      terminationGracePeriodSeconds: 3,
      initContainers: [script("trap 'exit 9' TERM; sleep 3600 & wait", { name: 'side', ...SIDECAR })],
      containers: [script('sleep 1')],
    },
    want: { phase: 'Succeeded', containers: { side: { state: { terminated: { exitCode: 9 } } } } },
  },
  {
    title: 'restarts a sidecar that has ended, under Never too',
    sim: { 'side.run-seconds': '1' },
    spec: { ...ONCE, initContainers: [script('sleep 1', { name: 'side', ...SIDECAR })], containers: [forever()] },
    want: { phase: 'Running', containers: { side: { restartCount: AT_LEAST_ONCE }, web: { restartCount: 0 } } },
  },
  {
    title: 'is not ready before its sidecar is',
    sim: { 'side.healthy-after-seconds': '3600' },
    spec: {
      initContainers: [forever('side', { ...SIDECAR, readinessProbe: { exec: { command: ['is-ready'] }, periodSeconds: 1 } })],
      containers: [forever()],
    },
    want: {
      phase: 'Running',
      conditions: { Ready: 'False/ContainersNotReady' },
      containers: { side: { ...RUNNING, ready: false }, web: { ready: true } },
    },
  },
  {
    title: 'runs an ephemeral container that is added later, once',
    sim: { 'debug.run-seconds': '0', 'debug.logs': 'looked' },
    spec: { containers: [forever()] },
    want: { phase: 'Running' },
    then: [
      {
        title: 'add it',
        act: (world) => world.addEphemeral({ name: 'debug', image: world.node.image, command: ['echo', 'looked'] }),
        want: {
          phase: 'Running',
          containers: { debug: { restartCount: 0, state: { terminated: { exitCode: 0 } } }, web: { restartCount: 0 } },
          logs: { debug: 'looked' },
        },
      },
    ],
  },
  {
    title: 'lets an ephemeral container see the processes of its target',
    needs: ['namespaces'],
    spec: { containers: [script("trap 'exit 0' TERM; sleep 4321 & wait")] },
    want: { phase: 'Running' },
    then: [
      {
        title: 'add it',
        act: (world) =>
          world.addEphemeral({ name: 'debug', image: world.node.image, command: ['ps'], targetContainerName: 'web' }),
        want: { logs: { debug: /sleep 4321/ } },
      },
    ],
  },
];
