import { expect } from 'vitest';
import type { PodCase } from '../pod-case.ts';
import { after, AT_LEAST_ONCE, FOREVER, forever, RUNNING, script } from './containers.ts';

/** Phases, conditions, restarts and last words. */
export const STARTING: readonly PodCase[] = [
  {
    title: 'brings a pod up, with all that is to be said of it',
    sim: {},
    spec: { containers: [forever()] },
    want: {
      phase: 'Running',
      conditions: {
        PodReadyToStartContainers: 'True',
        Initialized: 'True',
        ContainersReady: 'True',
        Ready: 'True',
        PodScheduled: 'True',
      },
      status: { hostIP: '127.0.0.1', qosClass: 'BestEffort', observedGeneration: 1, podIP: expect.stringMatching(/^\d+\./) },
      containers: {
        web: {
          ...RUNNING,
          ready: true,
          started: true,
          restartCount: 0,
          lastState: {},
          containerID: expect.stringMatching(/^\w+:\/\/[\w-]+$/),
          imageID: expect.stringMatching(/./),
        },
      },
      events: [
        /^Pulled: (Container image ".+" already present|Successfully pulled)/,
        'Created: Container created',
        'Started: Container started',
      ],
    },
  },
  ...[
    { restartPolicy: 'Never', exitCode: 0, phase: 'Succeeded' },
    { restartPolicy: 'Never', exitCode: 3, phase: 'Failed' },
    { restartPolicy: 'OnFailure', exitCode: 0, phase: 'Succeeded' },
  ].map(({ restartPolicy, exitCode, phase }): PodCase => ({
    title: `ends a pod under ${restartPolicy} whose container exits with ${exitCode} as ${phase}`,
    sim: { 'web.run-seconds': '0', 'web.exit-code': `${exitCode}`, 'web.logs': 'bye' },
    spec: { restartPolicy, containers: [script(`echo bye; exit ${exitCode}`)] },
    want: {
      phase,
      conditions: {
        Ready: phase === 'Succeeded' ? 'False/PodCompleted' : 'False/PodFailed',
        ContainersReady: phase === 'Succeeded' ? 'False/PodCompleted' : 'False/PodFailed',
        PodReadyToStartContainers: 'False',
      },
      containers: {
        web: {
          ready: false,
          started: false,
          restartCount: 0,
          state: { terminated: { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' } },
        },
      },
      logs: { web: 'bye' },
    },
  })),
  {
    title: 'restarts what exits with 0 under Always, and then backs off',
    sim: { 'web.run-seconds': '0' },
    spec: { containers: [script('exit 0')] },
    want: {
      phase: 'Running',
      conditions: { Ready: 'False/ContainersNotReady' },
      containers: {
        web: {
          ready: false,
          restartCount: AT_LEAST_ONCE,
          state: {
            waiting: {
              reason: 'CrashLoopBackOff',
              message: expect.stringMatching(/^back-off (\d+m)?\d+s restarting failed container=web pod=pod_case-\d+\([\w-]+\)$/),
            },
          },
          lastState: { terminated: { exitCode: 0, reason: 'Completed' } },
        },
      },
      events: [/^BackOff: Back-off restarting failed container web in pod pod_case-\d+\(/],
    },
  },
  {
    title: 'restarts failures under OnFailure until one succeeds',
    spec: {
      restartPolicy: 'OnFailure',
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        script('[ -e /v/again ] && exit 0; touch /v/again; exit 7', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
      ],
    },
    want: {
      phase: 'Succeeded',
      containers: {
        web: { restartCount: 1, state: { terminated: { exitCode: 0 } }, lastState: { terminated: { exitCode: 7 } } },
      },
    },
  },
  {
    title: 'keeps the log of the instance before',
    spec: { containers: [script('echo one; exit 1')] },
    want: {
      containers: { web: { restartCount: AT_LEAST_ONCE, state: { waiting: { reason: 'CrashLoopBackOff' } } } },
      previousLogs: { web: 'one' },
    },
  },
  {
    title: 'restarts a container alone of two, and the pod goes on',
    sim: { 'bad.run-seconds': '0', 'bad.exit-code': '1' },
    spec: { containers: [forever('good'), script('exit 1', { name: 'bad' })] },
    want: {
      phase: 'Running',
      conditions: { Ready: 'False/ContainersNotReady' },
      containers: { good: { ...RUNNING, restartCount: 0, ready: true }, bad: { restartCount: AT_LEAST_ONCE, ready: false } },
    },
  },
  {
    title: 'fails a pod under Never once all have ended and one of them badly',
    sim: { 'a.run-seconds': '0', 'b.run-seconds': '0', 'b.exit-code': '9' },
    spec: { restartPolicy: 'Never', containers: [script('exit 0', { name: 'a' }), script('exit 9', { name: 'b' })] },
    want: {
      phase: 'Failed',
      containers: { a: { state: { terminated: { exitCode: 0 } } }, b: { state: { terminated: { exitCode: 9 } } } },
    },
  },
  {
    title: 'restarts by the rules of the container what its pod would leave',
    spec: {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        script('[ -e /v/again ] && exit 5; touch /v/again; exit 42', {
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
        }),
      ],
    },
    want: { phase: 'Failed', containers: { web: { restartCount: 1, state: { terminated: { exitCode: 5 } } } } },
  },
  {
    title: 'restarts all containers by a rule of one, from the first init container on and without a new address',
    spec: {
      restartPolicy: 'Never',
      volumes: [{ name: 'v', emptyDir: {} }],
      initContainers: [script('hostname -i >> /v/addresses', { name: 'first', volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
      containers: [
        forever('web', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
        script(`[ -e /v/again ] || { touch /v/again; exit 88; }; ${FOREVER}`, {
          name: 'watch',
          volumeMounts: [{ name: 'v', mountPath: '/v' }],
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [88] } }],
        }),
      ],
    },
    want: {
      phase: 'Running',
      conditions: { Ready: 'True', AllContainersRestarting: 'False' },
      containers: Object.fromEntries(
        ['first', 'web', 'watch'].map((name) => [
          name,
          { restartCount: 1, lastState: { terminated: { exitCode: 137, reason: 'RestartingAllContainers' } } },
        ]),
      ),
      exec: [{ command: ['sh', '-c', 'uniq -c /v/addresses | wc -l; cat /v/addresses | wc -l'], prints: '1\n2' }],
    },
  },
  {
    title: 'tells of an end by a signal as 128 and its number',
    spec: { restartPolicy: 'Never', containers: [script('sh -c "kill -TERM \\$\\$"; exit $?')] },
    want: { phase: 'Failed', containers: { web: { state: { terminated: { exitCode: 143, reason: 'Error' } } } } },
  },
  {
    title: 'says that a program is not there',
    spec: { restartPolicy: 'Never', containers: [{ name: 'web', command: ['/no/such/program'] }] },
    want: {
      phase: 'Failed',
      containers: { web: { state: { terminated: { reason: expect.stringMatching(/^(StartError|ContainerCannotRun)$/) } } } },
      events: [/^Failed: Error: .*no such file/],
    },
  },
  {
    title: 'runs the program of the image with other arguments',
    needs: ['processes'],
    spec: { restartPolicy: 'Never', containers: [{ name: 'web', args: ['echo', 'arguments'] }] },
    want: { phase: 'Succeeded', logs: { web: 'arguments' } },
  },
  {
    title: 'starts in the working directory',
    spec: { restartPolicy: 'Never', containers: [script('pwd', { workingDir: '/var' })] },
    want: { phase: 'Succeeded', logs: { web: '/var' } },
  },
  {
    title: 'keeps standard output and error in one log',
    spec: { restartPolicy: 'Never', containers: [script('echo out; sleep 2; echo err >&2')] },
    want: { phase: 'Succeeded', logs: { web: 'out\nerr' } },
  },
  {
    title: 'says the last words that a container has written into its file',
    spec: { restartPolicy: 'Never', containers: [script('printf "I was tired" > /dev/termination-log; exit 1')] },
    want: { phase: 'Failed', containers: { web: { state: { terminated: { exitCode: 1, message: 'I was tired' } } } } },
  },
  {
    title: 'takes last words from another file, also of a success',
    spec: { restartPolicy: 'Never', containers: [script('printf done > /tmp/end', { terminationMessagePath: '/tmp/end' })] },
    want: { phase: 'Succeeded', containers: { web: { state: { terminated: { exitCode: 0, message: 'done' } } } } },
  },
  {
    title: 'cuts last words at 4096 bytes',
    spec: { restartPolicy: 'Never', containers: [script('head -c 5000 /dev/zero | tr "\\0" x > /dev/termination-log')] },
    want: { containers: { web: { state: { terminated: { message: 'x'.repeat(4096) } } } } },
  },
  {
    title: 'takes the end of the log for last words after an error, if it may',
    spec: {
      restartPolicy: 'Never',
      containers: [script('echo begin; echo end; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    },
    want: { containers: { web: { state: { terminated: { message: 'begin\nend\n' } } } } },
  },
  {
    title: 'leaves the log alone for last words after a success',
    spec: {
      restartPolicy: 'Never',
      containers: [script('echo fine', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    },
    want: { phase: 'Succeeded', containers: { web: { state: { terminated: { exitCode: 0 } } } }, logs: { web: 'fine' } },
  },
  {
    title: 'takes at most 80 lines of a log for last words',
    spec: {
      restartPolicy: 'Never',
      containers: [script('seq 1 200; exit 1', { terminationMessagePolicy: 'FallbackToLogsOnError' })],
    },
    want: {
      containers: {
        web: { state: { terminated: { message: Array.from({ length: 80 }, (_, at) => `${at + 121}\n`).join('') } } },
      },
    },
  },
  {
    title: 'fails a pod that is active for longer than it may',
    sim: {},
    spec: { activeDeadlineSeconds: 2, containers: [forever()] },
    want: {
      phase: 'Failed',
      reason: 'DeadlineExceeded',
      message: 'Pod was active on the node longer than the specified deadline',
      conditions: { Ready: 'False/PodFailed' },
      events: ['DeadlineExceeded: Pod was active on the node longer than the specified deadline'],
    },
  },
  {
    title: 'is not ready before its gate is opened',
    sim: {},
    spec: { readinessGates: [{ conditionType: 'example.com/gate' }], containers: [forever()] },
    want: { phase: 'Running', conditions: { ContainersReady: 'True', Ready: 'False/ReadinessGatesNotReady' } },
    then: [
      {
        title: 'open it',
        act: (world) => world.openGate('example.com/gate'),
        want: { conditions: { Ready: 'True', 'example.com/gate': 'True' } },
      },
    ],
  },
  {
    title: 'restarts a container whose image is changed',
    sim: {},
    spec: { containers: [forever()] },
    want: { containers: { web: RUNNING } },
    then: [
      {
        title: 'change it',
        act: (world) => world.patch({ spec: { containers: [{ name: 'web', image: `docker.io/${world.node.image}` }] } }),
        want: { events: ['Killing: Container web definition changed, will be restarted'] },
      },
    ],
  },
  {
    title: 'gives a container its input once',
    spec: { restartPolicy: 'Never', containers: [script('test -t 0 && echo terminal', { stdin: true, tty: true })] },
    want: { phase: 'Succeeded', logs: { web: 'terminal' } },
  },
  {
    title: 'shares the loopback interface between containers of a pod',
    spec: {
      containers: [
        after('echo hello > /tmp/index.html; httpd -p 8080 -h /tmp', { name: 'server' }),
        script('until wget -qO- http://127.0.0.1:8080/; do sleep 0.2; done; sleep 3600', { name: 'asker' }),
      ],
    },
    want: { phase: 'Running', logs: { asker: /hello$/ } },
  },
];
