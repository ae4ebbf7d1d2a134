import type { Probe } from '@keelson/api/core/v1';
import type { PodCase } from '../pod-case.ts';
import { after, AT_LEAST_ONCE, forever, RUNNING, script } from './containers.ts';

/** A command that must answer within the usual second does not on a busy machine, and would fail for the wrong reason. */
const SOON = { periodSeconds: 1, timeoutSeconds: 20 } as const;
const SERVE = 'echo fine > /tmp/index.html; httpd -p 8080 -h /tmp';
const SICK = { 'web.unhealthy-after-seconds': '0' };

function exec(...command: string[]): Probe {
  return { exec: { command }, ...SOON };
}

/** Probes of all kinds and what follows from them; hooks. */
export const PROBES: readonly PodCase[] = [
  {
    title: 'is ready once a command succeeds',
    sim: { 'web.healthy-after-seconds': '1' },
    spec: {
      containers: [after('(sleep 1; touch /tmp/is-ready) & true', { readinessProbe: exec('test', '-e', '/tmp/is-ready') })],
    },
    want: {
      phase: 'Running',
      conditions: { Ready: 'True' },
      containers: { web: { ready: true, started: true, restartCount: 0 } },
    },
  },
  {
    title: 'is not ready while a command fails, and says so',
    sim: SICK,
    spec: { containers: [forever('web', { readinessProbe: exec('sh', '-c', 'exit 3') })] },
    want: {
      phase: 'Running',
      conditions: { Ready: 'False/ContainersNotReady', ContainersReady: 'False/ContainersNotReady' },
      containers: { web: { ...RUNNING, ready: false, started: true, restartCount: 0 } },
      events: [/^Unhealthy: Readiness probe failed: /],
    },
  },
  {
    title: 'restarts a container whose liveness command fails',
    spec: {
      containers: [
        after('touch /tmp/live; (sleep 1; rm /tmp/live) & true', {
          livenessProbe: { ...exec('cat', '/tmp/live'), failureThreshold: 1 },
        }),
      ],
    },
    want: {
      containers: { web: { restartCount: AT_LEAST_ONCE } },
      events: [
        /^Unhealthy: Liveness probe failed: .*No such file/,
        'Killing: Container web failed liveness probe, will be restarted',
      ],
    },
  },
  {
    title: 'fails a pod under Never by its liveness probe',
    sim: { 'web.unhealthy-after-seconds': '0' },
    spec: {
      restartPolicy: 'Never',
      containers: [forever('web', { livenessProbe: { ...exec('no-such-check'), failureThreshold: 1 } })],
    },
    want: {
      containers: { web: { restartCount: 0, state: { terminated: {} } } },
      events: ['Killing: Container web failed liveness probe'],
    },
  },
  {
    title: 'uses the grace period of the probe',
    spec: {
      terminationGracePeriodSeconds: 600,
      containers: [
        script('trap "" TERM; while :; do sleep 1; done', {
          livenessProbe: { ...exec('false'), failureThreshold: 1, terminationGracePeriodSeconds: 2 },
        }),
      ],
    },
    want: { containers: { web: { restartCount: AT_LEAST_ONCE, lastState: { terminated: { exitCode: 137 } } } } },
  },
  {
    title: 'kills a container whose startup probe fails too often',
    sim: SICK,
    spec: { containers: [forever('web', { startupProbe: { ...exec('no-such-check'), failureThreshold: 2 } })] },
    want: {
      containers: { web: { restartCount: AT_LEAST_ONCE } },
      events: [/^Unhealthy: Startup probe failed/, 'Killing: Container web failed startup probe, will be restarted'],
    },
  },
  {
    title: 'holds liveness and readiness back until the startup probe passes',
    sim: SICK,
    spec: {
      containers: [
        forever('web', {
          startupProbe: { ...exec('no-such-check'), failureThreshold: 600 },
          livenessProbe: { ...exec('no-such-check'), failureThreshold: 1 },
          readinessProbe: exec('no-such-check'),
        }),
      ],
    },
    want: {
      phase: 'Running',
      containers: { web: { ...RUNNING, started: false, ready: false, restartCount: 0 } },
      events: [/^Unhealthy: Startup probe failed/],
      noEvents: [/Liveness/, /Readiness/],
    },
  },
  {
    title: 'is ready when a port answers over HTTP, by the name of the port',
    needs: ['network'],
    spec: {
      containers: [
        after(SERVE, { ports: [{ name: 'http', containerPort: 8080 }], readinessProbe: { httpGet: { port: 'http' }, ...SOON } }),
      ],
    },
    want: { conditions: { Ready: 'True' } },
  },
  {
    title: 'is not ready when a path is missing',
    needs: ['network'],
    spec: { containers: [after(SERVE, { readinessProbe: { httpGet: { port: 8080, path: '/none' }, ...SOON } })] },
    want: {
      conditions: { Ready: 'False/ContainersNotReady' },
      events: ['Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404'],
    },
  },
  {
    title: 'says that nobody listens',
    needs: ['network'],
    spec: { containers: [forever('web', { readinessProbe: { httpGet: { port: 8081, path: '/x' }, ...SOON } })] },
    want: {
      events: [
        /^Unhealthy: Readiness probe failed: Get "http:\/\/[\d.]+:8081\/x": dial tcp [\d.]+:8081: connect: connection refused$/,
      ],
    },
  },
  {
    title: 'is ready when a port can be connected to',
    needs: ['network'],
    spec: { containers: [after(SERVE, { readinessProbe: { tcpSocket: { port: 8080 }, ...SOON } })] },
    want: { conditions: { Ready: 'True' } },
  },
  {
    title: 'is not ready when a port cannot be connected to',
    needs: ['network'],
    spec: { containers: [forever('web', { readinessProbe: { tcpSocket: { port: 8081 }, ...SOON } })] },
    want: {
      conditions: { Ready: 'False' },
      events: [/^Unhealthy: Readiness probe failed: dial tcp [\d.]+:8081: connect: connection refused$/],
    },
  },
  {
    title: 'asks for the health of a gRPC service',
    sim: { 'web.healthy-after-seconds': '1' },
    needs: ['answers'],
    spec: { containers: [forever('web', { readinessProbe: { grpc: { port: 9000 }, ...SOON } })] },
    want: { conditions: { Ready: 'True' } },
  },
  {
    title: 'takes a gRPC service that does not serve for one that is not ready',
    sim: SICK,
    needs: ['answers'],
    spec: { containers: [forever('web', { readinessProbe: { grpc: { port: 9000, service: 'shop' }, ...SOON } })] },
    want: { events: ['Unhealthy: Readiness probe failed: service unhealthy (responded with "NOT_SERVING")'] },
  },
  {
    title: 'says that a gRPC service cannot be reached',
    needs: ['network'],
    spec: { containers: [forever('web', { readinessProbe: { grpc: { port: 9000 }, ...SOON, timeoutSeconds: 1 } })] },
    want: { events: [/^Unhealthy: Readiness probe failed: error: failed to connect service at "[\d.]+:9000": /] },
  },
  {
    title: 'fails a command that takes too long',
    spec: { containers: [forever('web', { readinessProbe: { ...exec('sleep', '30'), timeoutSeconds: 1 } })] },
    want: { events: ['Unhealthy: Readiness probe failed: command timed out: "sleep 30" timed out after 1s'] },
  },
  {
    title: 'waits with a probe as long as it is told to',
    sim: SICK,
    spec: { containers: [forever('web', { livenessProbe: { ...exec('no-such-check'), initialDelaySeconds: 3600 } })] },
    want: { conditions: { Ready: 'True' }, containers: { web: { ready: true, restartCount: 0 } } },
  },
  {
    title: 'runs a command after a start',
    spec: {
      containers: [forever('web', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'echo hi > /tmp/hook'] } } } })],
    },
    want: { phase: 'Running', exec: [{ command: ['cat', '/tmp/hook'], prints: 'hi' }] },
  },
  {
    title: 'kills a container whose postStart hook fails',
    spec: { containers: [forever('web', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'exit 5'] } } } })] },
    want: {
      containers: { web: { restartCount: AT_LEAST_ONCE } },
      events: ['FailedPostStartHook: PostStartHook failed', 'Killing: FailedPostStartHook'],
    },
  },
  {
    title: 'sleeps for a postStart hook',
    sim: {},
    spec: { containers: [forever('web', { lifecycle: { postStart: { sleep: { seconds: 1 } } } })] },
    want: { phase: 'Running', conditions: { Ready: 'True' } },
  },
  {
    title: 'runs a command before the end',
    spec: {
      volumes: [{ name: 'v', emptyDir: {} }],
      restartPolicy: 'Never',
      activeDeadlineSeconds: 2,
      containers: [
        script("trap 'cat /v/bye; exit 0' TERM; sleep 3600 & wait", {
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo bye > /v/bye'] } } },
        }),
      ],
    },
    want: { phase: 'Failed', reason: 'DeadlineExceeded', logs: { web: 'bye' } },
  },
  {
    title: 'says that a preStop hook failed, and ends the container',
    spec: {
      activeDeadlineSeconds: 2,
      containers: [forever('web', { lifecycle: { preStop: { exec: { command: ['false'] } } } })],
    },
    want: { phase: 'Failed', events: ['FailedPreStopHook: PreStopHook failed'] },
  },
];
