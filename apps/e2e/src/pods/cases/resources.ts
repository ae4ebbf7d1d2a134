import { HUNGRY } from '@keelson/runtime/testing';
import type { PodCase } from '../pod-case.ts';
import { forever, RUNNING, script } from './containers.ts';

const NEVER = { restartPolicy: 'Never' } as const;
/** Of either version of cgroups. */
const MEMORY_LIMIT = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max';

/** Classes of service, limits, what a node has. */
export const RESOURCES: readonly PodCase[] = [
  {
    title: 'takes a pod whose requests are its limits for Guaranteed',
    sim: {},
    spec: { containers: [forever('web', { resources: { limits: { cpu: '100m', memory: '32Mi' } } })] },
    want: {
      phase: 'Running',
      status: { qosClass: 'Guaranteed' },
      containers: {
        web: {
          allocatedResources: { cpu: '100m', memory: '32Mi' },
          resources: { requests: { cpu: '100m', memory: '32Mi' }, limits: { cpu: '100m', memory: '32Mi' } },
        },
      },
    },
  },
  {
    title: 'takes a pod with some requests for Burstable',
    sim: {},
    spec: { containers: [forever('web', { resources: { requests: { cpu: '10m' } } }), forever('other')] },
    want: { phase: 'Running', status: { qosClass: 'Burstable' } },
  },
  {
    title: 'limits memory',
    needs: ['cgroups'],
    spec: { ...NEVER, containers: [script(MEMORY_LIMIT, { resources: { limits: { memory: '48Mi' } } })] },
    want: { phase: 'Succeeded', logs: { web: String(48 * 1024 * 1024) } },
  },
  {
    title: 'says that a container was killed for its memory',
    needs: ['cgroups'],
    spec: {
      ...NEVER,
      containers: [script(HUNGRY, { resources: { limits: { memory: '16Mi' } } })],
    },
    want: { phase: 'Failed', containers: { web: { state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } } } },
  },
  {
    title: 'limits the processor',
    needs: ['cgroups'],
    spec: {
      ...NEVER,
      containers: [
        script('cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d" " -f1 /sys/fs/cgroup/cpu.max', {
          resources: { limits: { cpu: '250m' } },
        }),
      ],
    },
    want: { phase: 'Succeeded', logs: { web: '25000' } },
  },
  {
    title: 'weighs a container by the processor that it asks for',
    needs: ['cgroups'],
    spec: {
      ...NEVER,
      containers: [
        script('cat /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null || echo 512', { resources: { requests: { cpu: '500m' } } }),
      ],
    },
    want: { phase: 'Succeeded', logs: { web: '512' } },
  },
  {
    title: 'lets a BestEffort pod be the first to be killed',
    needs: ['cgroups'],
    spec: { ...NEVER, containers: [script('cat /proc/self/oom_score_adj')] },
    want: { phase: 'Succeeded', logs: { web: '1000' } },
  },
  {
    title: 'refuses a pod that asks for more than the node has',
    sim: {},
    spec: { containers: [forever('web', { resources: { requests: { cpu: '1000' } } })] },
    want: {
      phase: 'Failed',
      reason: 'OutOfcpu',
      message: /^Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: \d+, capacity: 64000$/,
      events: [/^OutOfcpu: Pod was rejected: Node didn't have enough resource: cpu/],
    },
  },
  {
    title: 'refuses a pod that does not want this node',
    sim: {},
    spec: { nodeSelector: { disk: 'none' }, containers: [forever()] },
    want: {
      phase: 'Failed',
      reason: 'NodeAffinity',
      message: "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    },
  },
  {
    title: 'has one budget for all containers of a pod',
    sim: {},
    spec: {
      resources: { requests: { cpu: '200m', memory: '64Mi' }, limits: { cpu: '200m', memory: '64Mi' } },
      containers: [forever()],
    },
    want: { phase: 'Running', status: { qosClass: 'Guaranteed' }, containers: { web: RUNNING } },
  },
  {
    title: 'limits a pod as a whole, with all that is in it',
    needs: ['pod-cgroups'],
    spec: {
      ...NEVER,
      resources: { limits: { memory: '24Mi' } },
      containers: [script('x=a; while :; do x=$x$x; done')],
    },
    // Whose memory it is does not count: the kernel ends the program, or a sandbox with all that is in it.
    want: { phase: 'Failed', containers: { web: { state: { terminated: { exitCode: 137 } } } } },
  },
  {
    title: 'changes the processor of a running container without a restart',
    sim: {},
    spec: { containers: [forever('web', { resources: { requests: { cpu: '100m' }, limits: { cpu: '200m' } } })] },
    want: { phase: 'Running' },
    then: [
      {
        title: 'resize it',
        act: (world) => world.resize([{ name: 'web', resources: { requests: { cpu: '150m' }, limits: { cpu: '300m' } } }]),
        want: {
          containers: {
            web: {
              restartCount: 0,
              allocatedResources: { cpu: '150m' },
              resources: { requests: { cpu: '150m' }, limits: { cpu: '300m' } },
            },
          },
        },
      },
    ],
  },
  {
    title: 'restarts a container for its memory where its policy says so',
    sim: {},
    spec: {
      containers: [
        forever('web', {
          resources: { requests: { memory: '32Mi' }, limits: { memory: '32Mi' } },
          resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
        }),
      ],
    },
    want: { phase: 'Running' },
    then: [
      {
        title: 'resize it',
        act: (world) => world.resize([{ name: 'web', resources: { requests: { memory: '48Mi' }, limits: { memory: '48Mi' } } }]),
        want: {
          containers: { web: { ...RUNNING, restartCount: 1, resources: { limits: { memory: '48Mi' } } } },
        },
      },
    ],
  },
  {
    title: 'says that a node can never give as much as is asked for',
    sim: {},
    spec: { containers: [forever('web', { resources: { requests: { cpu: '100m' } } })] },
    want: { phase: 'Running' },
    then: [
      {
        title: 'ask for too much',
        act: (world) => world.resize([{ name: 'web', resources: { requests: { cpu: '1000' } } }]),
        want: {
          phase: 'Running',
          conditions: { PodResizePending: 'True/Infeasible' },
          containers: { web: { ...RUNNING, restartCount: 0, allocatedResources: { cpu: '100m' } } },
        },
      },
    ],
  },
];
