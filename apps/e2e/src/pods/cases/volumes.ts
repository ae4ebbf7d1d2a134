import { tmpdir } from 'node:os';
import type { PodCase } from '../pod-case.ts';
import { after, forever, RUNNING, script } from './containers.ts';

/** On the node, made by a pod. Whoever runs the cases removes it. */
export const HOST_DIRECTORY = `${tmpdir()}/keelson-pods-host-${process.pid}`;

const at = (mountPath: string, more: object = {}) => [{ name: 'v', mountPath, ...more }];
const cat = (path: string, prints: string | RegExp) => ({ command: ['cat', path], prints });
const mode = (path: string, prints: string) => ({ command: ['stat', '-L', '-c', '%a', path], prints });

/** What containers find in their files. Volumes in depth are tested where they are made. */
export const VOLUMES: readonly PodCase[] = [
  {
    title: 'shares an emptyDir between containers, and keeps it over restarts',
    spec: {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        script('cat /v/count; echo x >> /v/count; exit 1', { name: 'writer', volumeMounts: at('/v') }),
        forever('reader', { volumeMounts: at('/w', { readOnly: true }) }),
      ],
    },
    want: {
      containers: { writer: { restartCount: 1 } },
      exec: [
        { container: 'reader', command: ['cat', '/w/count'], prints: 'x\nx' },
        { container: 'reader', command: ['sh', '-c', 'echo y > /w/count'], exitCode: 1 },
      ],
    },
  },
  {
    title: 'makes an emptyDir that everybody may write into',
    spec: { volumes: [{ name: 'v', emptyDir: {} }], containers: [forever('web', { volumeMounts: at('/v') })] },
    want: { phase: 'Running', exec: [mode('/v', '777')] },
  },
  {
    title: 'makes an emptyDir in memory with a limit',
    spec: {
      volumes: [{ name: 'v', emptyDir: { medium: 'Memory', sizeLimit: '4Mi' } }],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: {
      phase: 'Running',
      exec: [
        { command: ['sh', '-c', 'grep " /v " /proc/mounts | cut -d" " -f3'], prints: 'tmpfs' },
        { command: ['sh', '-c', 'head -c 5000000 /dev/zero > /v/big'], exitCode: 1 },
      ],
    },
  },
  {
    title: 'evicts a pod whose emptyDir grows beyond its limit',
    spec: {
      volumes: [{ name: 'v', emptyDir: { sizeLimit: '64Ki' } }],
      containers: [after('head -c 200000 /dev/zero > /v/big', { volumeMounts: at('/v') })],
    },
    want: {
      phase: 'Failed',
      reason: 'Evicted',
      message: 'Usage of EmptyDir volume "v" exceeds the limit "64Ki". ',
      conditions: { DisruptionTarget: 'True/TerminationByKubelet' },
      events: ['Evicted: Usage of EmptyDir volume "v" exceeds the limit "64Ki". '],
    },
  },
  {
    title: 'evicts a pod whose container writes more than its limit of ephemeral storage',
    spec: {
      containers: [
        after('head -c 3000000 /dev/zero > /big', { resources: { limits: { 'ephemeral-storage': '1Mi' } } }),
        forever('side', { resources: { limits: { 'ephemeral-storage': '1Gi' } } }),
      ],
    },
    want: {
      phase: 'Failed',
      reason: 'Evicted',
      message: /^Container \S+ exceeded its local ephemeral storage limit "1Mi"\. $/,
      conditions: { DisruptionTarget: 'True/TerminationByKubelet' },
    },
  },
  {
    title: 'mounts an image, from a directory of it on',
    spec: {
      volumes: [{ name: 'v', image: { reference: 'keelson/busybox:1', pullPolicy: 'IfNotPresent' } }],
      containers: [forever('web', { volumeMounts: at('/v', { subPath: 'bin' }) })],
    },
    want: {
      phase: 'Running',
      exec: [
        { command: ['ls', '/v/busybox'], prints: '/v/busybox' },
        { command: ['touch', '/v/file'], exitCode: 1 },
      ],
    },
  },
  {
    title: 'mounts a directory read only with all that is mounted below it',
    spec: {
      volumes: [{ name: 'v', hostPath: { path: '/dev' } }],
      containers: [forever('web', { volumeMounts: at('/v', { readOnly: true, recursiveReadOnly: 'Enabled' }) })],
    },
    want: {
      phase: 'Running',
      containers: { web: { volumeMounts: [{ name: 'v', mountPath: '/v', readOnly: true, recursiveReadOnly: 'Enabled' }] } },
      exec: [{ command: ['touch', '/v/shm/file'], exitCode: 1 }],
    },
  },
  {
    title: 'shows a ConfigMap as files, with their mode',
    sim: {},
    configMaps: { c: { 'a.txt': 'one', b: 'two' } },
    spec: {
      volumes: [{ name: 'v', configMap: { name: 'c' } }],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: { phase: 'Running', exec: [cat('/v/a.txt', 'one'), cat('/v/b', 'two'), { command: ['ls', '/v'], prints: 'a.txt\nb' }] },
  },
  {
    title: 'shows chosen keys of a Secret under names and modes of their own',
    secrets: { s: { key: 'word', other: 'x' } },
    spec: {
      volumes: [
        { name: 'v', secret: { secretName: 's', defaultMode: 0o400, items: [{ key: 'key', path: 'deep/name', mode: 0o440 }] } },
      ],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: {
      phase: 'Running',
      exec: [cat('/v/deep/name', 'word'), mode('/v/deep/name', '440'), { command: ['ls', '/v'], prints: 'deep' }],
    },
  },
  {
    title: 'shows what the pod is as files',
    sim: {},
    metadata: { labels: { app: 'shop' } },
    spec: {
      volumes: [
        {
          name: 'v',
          downwardAPI: {
            items: [
              { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
              { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
              { path: 'cpu', resourceFieldRef: { containerName: 'web', resource: 'limits.cpu', divisor: '1m' } },
            ],
          },
        },
      ],
      containers: [forever('web', { volumeMounts: at('/v'), resources: { limits: { cpu: '200m' } } })],
    },
    want: { phase: 'Running', exec: [cat('/v/labels', /app="shop"/), cat('/v/name', 'pod'), cat('/v/cpu', '200')] },
  },
  {
    title: 'puts several sources into one volume',
    sim: {},
    configMaps: { c: { one: '1' } },
    secrets: { s: { two: '2' } },
    spec: {
      volumes: [
        {
          name: 'v',
          projected: {
            sources: [
              { configMap: { name: 'c' } },
              { secret: { name: 's' } },
              { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
            ],
          },
        },
      ],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: { phase: 'Running', exec: [cat('/v/one', '1'), cat('/v/two', '2'), cat('/v/token', /^ey[\w-]+\.[\w-]+\.[\w-]+$/)] },
  },
  {
    title: 'waits for a ConfigMap that is mounted',
    sim: {},
    spec: {
      volumes: [{ name: 'v', configMap: { name: 'late' } }],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: {
      phase: 'Pending',
      containers: { web: { state: { waiting: { reason: 'ContainerCreating' } } } },
      events: ['FailedMount: MountVolume.SetUp failed for volume "v" : configmap "late" not found'],
    },
    then: [
      {
        title: 'make it',
        act: (world) => world.createConfigMap('late', { a: 'b' }),
        want: { phase: 'Running', exec: [cat('/v/a', 'b')] },
      },
    ],
  },
  {
    title: 'does without a ConfigMap that may be missing',
    sim: {},
    spec: {
      volumes: [{ name: 'v', configMap: { name: 'none', optional: true } }],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: { phase: 'Running', exec: [{ command: ['ls', '/v'], prints: '' }] },
  },
  {
    title: 'mounts one file of a volume',
    sim: {},
    configMaps: { c: { a: 'one', b: 'two' } },
    spec: {
      volumes: [{ name: 'v', configMap: { name: 'c' } }],
      containers: [forever('web', { volumeMounts: at('/etc/only', { subPath: 'b' }) })],
    },
    want: { phase: 'Running', exec: [cat('/etc/only', 'two')] },
  },
  {
    title: 'mounts a directory of a volume by the value of a variable',
    spec: {
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        after('echo here > /w/file', {
          name: 'web',
          env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
          volumeMounts: [{ name: 'v', mountPath: '/w', subPathExpr: '$(POD)' }],
        }),
        forever('other', { volumeMounts: at('/v') }),
      ],
    },
    want: { phase: 'Running', exec: [{ container: 'other', command: ['cat', '/v/pod/file'], prints: 'here' }] },
  },
  {
    title: 'mounts a directory of the host that it makes',
    spec: {
      volumes: [{ name: 'v', hostPath: { path: HOST_DIRECTORY, type: 'DirectoryOrCreate' } }],
      containers: [after('echo kept > /v/file; rmdir /v/none', { volumeMounts: at('/v') })],
    },
    want: { phase: 'Running', exec: [cat('/v/file', 'kept')] },
  },
  {
    title: 'refuses a path of the host that is not what it should be',
    sim: {},
    spec: {
      volumes: [{ name: 'v', hostPath: { path: '/no/such/directory', type: 'Directory' } }],
      containers: [forever('web', { volumeMounts: at('/v') })],
    },
    want: {
      phase: 'Pending',
      events: [
        'FailedMount: MountVolume.SetUp failed for volume "v" : hostPath type check failed: /no/such/directory is not a directory',
      ],
    },
  },
  {
    title: 'gives files of a volume to the group of the pod',
    needs: ['security'],
    configMaps: { c: { a: 'one' } },
    spec: {
      securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'c', configMap: { name: 'c', defaultMode: 0o400 } },
      ],
      containers: [after('echo x > /v/file', { volumeMounts: [...at('/v'), { name: 'c', mountPath: '/c' }] })],
    },
    want: {
      phase: 'Running',
      exec: [
        { command: ['stat', '-c', '%g', '/v/file'], prints: '2000' },
        { command: ['stat', '-L', '-c', '%g %a', '/c/a'], prints: '2000 440' },
        cat('/c/a', 'one'),
      ],
    },
  },
  {
    title: 'gives a container a token of its service account',
    sim: {},
    configMaps: { 'kube-root-ca.crt': { 'ca.crt': 'trust me' } },
    spec: { automountServiceAccountToken: true, containers: [forever()] },
    want: {
      containers: { web: RUNNING },
      exec: [
        cat('/var/run/secrets/kubernetes.io/serviceaccount/token', /^ey/),
        cat('/var/run/secrets/kubernetes.io/serviceaccount/ca.crt', 'trust me'),
        cat('/var/run/secrets/kubernetes.io/serviceaccount/namespace', /^case-\d+$/),
      ],
    },
  },
];
