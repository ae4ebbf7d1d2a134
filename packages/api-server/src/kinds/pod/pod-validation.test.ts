import type { Container, Pod, PodSpec, Volume } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { CONTEXT, problems, texts } from '../test-support.ts';
import { strategyOf } from '../index.ts';

const CONTAINER: Container = { name: 'a', image: 'b' };

function ofSpec(spec: object): string[] {
  return problems('', { kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [CONTAINER], ...spec } as PodSpec } as Pod);
}

function ofContainer(container: object): string[] {
  return ofSpec({ containers: [{ ...CONTAINER, ...container }], volumes: [{ name: 'v' }] });
}

function ofVolume(volume: Partial<Volume>): string[] {
  return ofSpec({ volumes: [{ name: 'v', ...volume }] });
}

it('accepts a full pod', () => {
  const spec = {
    initContainers: [{ name: 'init', image: 'b', restartPolicy: 'Always', startupProbe: { exec: { command: ['true'] } } }],
    containers: [
      {
        name: 'a',
        image: 'b:1',
        ports: [{ name: 'http', containerPort: 80 }],
        env: [
          { name: 'A', value: 'b' },
          { name: 'N', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
        ],
        resources: { limits: { cpu: '1', memory: '1Gi' } },
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
        livenessProbe: { httpGet: { port: 'http' } },
      },
    ],
    volumes: [{ name: 'v', configMap: { name: 'c', items: [{ key: 'a', path: 'b/c' }] } }],
    tolerations: [{ operator: 'Exists' }],
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { a: 'b' } } },
        ],
      },
    },
  };

  expect(ofSpec(spec)).toEqual([]);
});

describe('a pod', () => {
  it.each<{ title: string; spec: object; want: string[] }>([
    { title: 'needs containers', spec: { containers: [] }, want: ['spec.containers: Required value'] },
    {
      title: 'needs names and images',
      spec: { containers: [{}] },
      want: ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
    },
    {
      title: 'names containers once',
      spec: { initContainers: [CONTAINER] },
      want: ['spec.initContainers[0].name: Duplicate value: "a"'],
    },
    {
      title: 'knows three restart policies',
      spec: { restartPolicy: 'Sometimes' },
      want: ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    },
    {
      title: 'knows four DNS policies',
      spec: { dnsPolicy: 'X' },
      want: [
        'spec.dnsPolicy: Unsupported value: "X": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    },
    {
      title: 'needs servers without a DNS policy',
      spec: { dnsPolicy: 'None' },
      want: ['spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None'],
    },
    {
      title: 'has three name servers at most',
      spec: { dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] } },
      want: [
        'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]: must not have more than 3 nameservers',
      ],
    },
    {
      title: 'refuses aliases of what is no address',
      spec: { hostAliases: [{ ip: '300.1.1.1', hostnames: ['x'] }] },
      want: ['spec.hostAliases[0].ip: Invalid value: "300.1.1.1": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
    },
    {
      title: 'refuses no time at all',
      spec: { activeDeadlineSeconds: 0 },
      want: ['spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive'],
    },
    {
      title: "shares either its own processes or the host's",
      spec: { hostPID: true, shareProcessNamespace: true },
      want: ['spec.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled'],
    },
    {
      title: 'runs as a valid user',
      spec: { securityContext: { runAsUser: -1 } },
      want: ['spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 4294967295, inclusive'],
    },
    {
      title: 'names the file of a local profile',
      spec: { securityContext: { seccompProfile: { type: 'Localhost' } } },
      want: ['spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost'],
    },
    {
      title: 'names gates once',
      spec: { schedulingGates: [{ name: 'a' }, { name: 'a' }] },
      want: ['spec.schedulingGates[1]: Duplicate value: "a"'],
    },
    {
      title: 'knows two systems',
      spec: { os: { name: 'plan9' } },
      want: ['spec.os.name: Unsupported value: "plan9": supported values: "linux", "windows"'],
    },
    {
      title: 'uses each port of the host once',
      spec: {
        containers: [
          { ...CONTAINER, ports: [{ containerPort: 1, hostPort: 80 }] },
          { name: 'c', image: 'b', ports: [{ containerPort: 2, hostPort: 80 }] },
        ],
      },
      want: ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"'],
    },
    {
      title: 'has the same ports inside and outside of the host network',
      spec: { hostNetwork: true, containers: [{ ...CONTAINER, ports: [{ containerPort: 1, hostPort: 2 }] }] },
      want: ['spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true'],
    },
    {
      title: 'probes no init container that ends',
      spec: { initContainers: [{ name: 'i', image: 'b', readinessProbe: { exec: { command: ['x'] } } }] },
      want: ['spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always'],
    },
  ])('$title', ({ spec, want }) => {
    expect(ofSpec(spec)).toEqual(want);
  });
});

describe('a container', () => {
  it.each<{ title: string; container: object; want: string[] }>([
    {
      title: 'has an image without blanks',
      container: { image: ' b' },
      want: ['spec.containers[0].image: Invalid value: " b": must not have leading or trailing whitespace'],
    },
    {
      title: 'has a name that is a label',
      container: { name: 'a.b' },
      want: [expect.stringContaining('spec.containers[0].name: Invalid value: "a.b": ') as string],
    },
    { title: 'has ports', container: { ports: [{}] }, want: ['spec.containers[0].ports[0].containerPort: Required value'] },
    {
      title: 'has ports in range',
      container: { ports: [{ containerPort: 70_000 }] },
      want: ['spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    },
    {
      title: 'knows three protocols',
      container: { ports: [{ containerPort: 1, protocol: 'ICMP' }] },
      want: ['spec.containers[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
    },
    {
      title: 'names ports once',
      container: {
        ports: [
          { name: 'x', containerPort: 1 },
          { name: 'x', containerPort: 2 },
        ],
      },
      want: ['spec.containers[0].ports[1].name: Duplicate value: "x"'],
    },
    {
      title: 'has names for variables',
      container: { env: [{ name: '' }] },
      want: ['spec.containers[0].env[0].name: Required value'],
    },
    {
      title: 'takes each variable from one place',
      container: { env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] },
      want: ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
    },
    {
      title: 'knows fields of pods',
      container: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.foo' } } }] },
      want: [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.foo": error converting fieldPath: field label not supported: metadata.foo',
      ],
    },
    {
      title: 'knows which fields fit in a variable',
      container: { env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }] },
      want: [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
      ],
    },
    {
      title: 'knows which sources hold variables',
      container: { envFrom: [{}] },
      want: ['spec.containers[0].envFrom[0]: Invalid value: "": must specify one of: `configMapRef` or `secretRef`'],
    },
    {
      title: 'asks for no more than it may use',
      container: { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
      want: ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    },
    {
      title: 'asks for nothing negative',
      container: { resources: { limits: { cpu: '-1' } } },
      want: [
        'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
        'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      ],
    },
    {
      title: 'asks for whole devices',
      container: { resources: { limits: { 'example.com/gpu': '500m' } } },
      want: [
        'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
        'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
      ],
    },
    {
      title: 'asks for known resources',
      container: { resources: { requests: { gpu: '1' } } },
      want: ['spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers'],
    },
    {
      title: 'mounts volumes that exist',
      container: { volumeMounts: [{ name: 'w', mountPath: '/w' }] },
      want: ['spec.containers[0].volumeMounts[0].name: Not found: "w"'],
    },
    {
      title: 'mounts once at a path',
      container: {
        volumeMounts: [
          { name: 'v', mountPath: '/v' },
          { name: 'v', mountPath: '/v' },
        ],
      },
      want: ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/v": must be unique'],
    },
    {
      title: 'mounts below the volume',
      container: { volumeMounts: [{ name: 'v', mountPath: '/v', subPath: '../x' }] },
      want: [`spec.containers[0].volumeMounts[0].subPath: Invalid value: "../x": must not contain '..'`],
    },
    {
      title: 'propagates mounts only with privileges',
      container: { volumeMounts: [{ name: 'v', mountPath: '/v', mountPropagation: 'Bidirectional' }] },
      want: [
        'spec.containers[0].volumeMounts[0].mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      ],
    },
    {
      title: 'probes in some way',
      container: { livenessProbe: {} },
      want: ['spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    },
    {
      title: 'is alive after one success',
      container: { livenessProbe: { exec: { command: ['x'] }, successThreshold: 2 } },
      want: ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
    },
    {
      title: 'probes in one way',
      container: { readinessProbe: { exec: { command: ['x'] }, httpGet: { port: 1 } } },
      want: ['spec.containers[0].readinessProbe.httpGet: Forbidden: may not specify more than 1 handler type'],
    },
    {
      title: 'has a policy beside rules for restarts',
      container: { restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [3] } }] },
      want: ['spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used'],
    },
    {
      title: 'has whole rules for restarts',
      container: { restartPolicy: 'Never', restartPolicyRules: [{ action: 'Restart', exitCodes: { values: [1] } }] },
      want: [
        'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "": supported values: "In", "NotIn"',
      ],
    },
    {
      title: 'takes variables from somewhere',
      container: { env: [{ name: 'A', valueFrom: {} }] },
      want: [
        'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ],
    },
    {
      title: 'knows three pull policies',
      container: { imagePullPolicy: 'Maybe' },
      want: [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
      ],
    },
    {
      title: 'escalates or not',
      container: { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
      want: [
        'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      ],
    },
    {
      title: 'sleeps no longer than its grace',
      container: { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
      want: [
        'spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than terminationGracePeriodSeconds (30)',
      ],
    },
  ])('$title', ({ container, want }) => {
    expect(ofContainer(container)).toEqual(want);
  });
});

describe('a volume', () => {
  it.each<{ title: string; volume: Partial<Volume>; want: string[] }>([
    {
      title: 'has one type',
      volume: { emptyDir: {}, hostPath: { path: '/' } },
      want: ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
    },
    {
      title: 'has a path on the host',
      volume: { hostPath: { path: '' } },
      want: ['spec.volumes[0].hostPath.path: Required value'],
    },
    {
      title: 'knows types of host paths',
      volume: { hostPath: { path: '/x', type: 'Odd' } },
      want: [
        'spec.volumes[0].hostPath.type: Unsupported value: "Odd": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    },
    { title: 'names its secret', volume: { secret: {} }, want: ['spec.volumes[0].secret.secretName: Required value'] },
    {
      title: 'has modes of nine bits',
      volume: { secret: { secretName: 's', defaultMode: 0o1000 } },
      want: [
        'spec.volumes[0].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive',
      ],
    },
    {
      title: 'keeps files inside',
      volume: { configMap: { name: 'c', items: [{ key: 'k', path: '/etc' }] } },
      want: ['spec.volumes[0].configMap.items[0].path: Invalid value: "/etc": must be a relative path'],
    },
    {
      title: 'keeps tokens for ten minutes',
      volume: { projected: { sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 60 } }] } },
      want: [
        'spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
      ],
    },
    {
      title: 'names its claim',
      volume: { persistentVolumeClaim: { claimName: '' } },
      want: ['spec.volumes[0].persistentVolumeClaim.claimName: Required value'],
    },
    { title: 'is named', volume: { name: '' }, want: ['spec.volumes[0].name: Required value'] },
  ])('$title', ({ volume, want }) => {
    expect(ofVolume(volume)).toEqual(want);
  });

  it('is named once', () => {
    expect(ofSpec({ volumes: [{ name: 'v' }, { name: 'v' }] })).toEqual(['spec.volumes[1].name: Duplicate value: "v"']);
  });
});

describe('placement', () => {
  it.each<{ title: string; spec: object; want: string[] }>([
    {
      title: 'tolerates everything only by Exists',
      spec: { tolerations: [{ operator: 'Equal' }] },
      want: [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    },
    {
      title: 'waits only for evictions',
      spec: { tolerations: [{ key: 'a', effect: 'NoSchedule', tolerationSeconds: 1 }] },
      want: [
        `spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
      ],
    },
    {
      title: 'needs terms',
      spec: { affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} } } },
      want: [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
      ],
    },
    {
      title: 'needs a topology key',
      spec: { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } } },
      want: [
        'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty',
      ],
    },
    {
      title: 'weighs from 1 to 100',
      spec: {
        affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, preference: {} }] } },
      },
      want: [
        'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100',
      ],
    },
    {
      title: 'spreads with some skew',
      spec: { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] },
      want: ['spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero'],
    },
    {
      title: 'spreads once over a topology',
      spec: {
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
          { maxSkew: 2, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
        ],
      },
      want: ['spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"'],
    },
  ])('$title', ({ spec, want }) => {
    expect(ofSpec(spec)).toEqual(want);
  });
});

describe('a new pod', () => {
  const create = (spec: object): Pod => {
    const pod = {
      kind: 'Pod',
      metadata: { name: 'web' },
      status: { phase: 'Running' },
      spec: { containers: [CONTAINER], ...spec },
    } as Pod;
    strategyOf('', 'Pod').prepareForCreate?.(pod, CONTEXT);
    return pod;
  };

  it.each([
    { title: 'nothing asked for', resources: undefined, want: 'BestEffort' },
    { title: 'a request', resources: { requests: { cpu: '1' } }, want: 'Burstable' },
    { title: 'limits of one kind', resources: { limits: { cpu: '1' } }, want: 'Burstable' },
    { title: 'limits of both kinds', resources: { limits: { cpu: '1', memory: '1Gi' } }, want: 'Guaranteed' },
    {
      title: 'limits above the requests',
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
      want: 'Burstable',
    },
    {
      title: 'equal amounts written differently',
      resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } },
      want: 'Guaranteed',
    },
  ])('is pending and $want with $title', ({ resources, want }) => {
    expect(create({ containers: [{ ...CONTAINER, resources }] }).status).toEqual({ phase: 'Pending', qosClass: want });
  });

  it.each([
    {
      title: 'ephemeral containers',
      spec: { ephemeralContainers: [CONTAINER] },
      want: 'spec.ephemeralContainers: Forbidden: cannot be set on create',
    },
    {
      title: 'a node while it is gated',
      spec: { nodeName: 'n', schedulingGates: [{ name: 'g' }] },
      want: 'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
    },
  ])('has no $title', ({ spec, want }) => {
    expect(() => create(spec)).toThrow(`Pod "web" is invalid: ${want}`);
  });
});

it('reports each of several errors', () => {
  const pod = { kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'a' }] } } as Pod;

  expect(texts(strategyOf('', 'Pod').validate?.(pod, CONTEXT))).toEqual([
    'spec.containers[0].image: Required value',
    'spec.containers[0].terminationMessagePolicy: Required value',
    'spec.containers[0].imagePullPolicy: Required value',
    'spec.restartPolicy: Required value',
    'spec.dnsPolicy: Required value',
  ]);
});
