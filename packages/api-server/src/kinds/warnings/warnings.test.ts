import type { KubernetesObject } from '@keelson/api';
import { createAuthority } from '@keelson/pki';
import { describe, expect, it } from 'vitest';
import { ApiProbe, deployment, DEPLOYMENTS, PODS, pod, type Loose } from '../../test-support/api-probe.ts';
import { startTestApiServer } from '../../testing.ts';
import { strategyOf } from '../index.ts';

const ZONE = 'failure-domain.beta.kubernetes.io/zone';
const ZONE_TEXT = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead';
const NO_SELECTOR = 'a null labelSelector results in matching no pod';

function warningsOf(kind: string, object: object, old?: object): readonly string[] {
  return (
    strategyOf(kind.split('/')[0] ?? '', kind.split('/')[1] ?? '').warnings?.(
      object as KubernetesObject,
      old as KubernetesObject,
    ) ?? []
  );
}

interface PodRow {
  readonly about: string;
  readonly meta?: object;
  readonly spec?: object;
  /** Beside `spec`. */
  readonly container?: object;
  readonly want: readonly string[];
}

const POD_ROWS: readonly PodRow[] = [
  { about: 'nothing odd', want: [] },
  { about: 'a node selector', spec: { nodeSelector: { [ZONE]: 'a' } }, want: [`spec.nodeSelector[${ZONE}]: ${ZONE_TEXT}`] },
  {
    about: 'a node affinity',
    spec: {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a' }, { key: ZONE }] }],
          },
          preferredDuringSchedulingIgnoredDuringExecution: [{ preference: { matchExpressions: [{ key: ZONE }] } }],
        },
      },
    },
    want: [
      `spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].key: ${ZONE} is ${ZONE_TEXT}`,
      `spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].key: ${ZONE} is ${ZONE_TEXT}`,
    ],
  },
  {
    about: 'a spread over an old label, of no pods',
    spec: { topologySpreadConstraints: [{ topologyKey: ZONE }] },
    want: [
      `spec.topologySpreadConstraints[0].topologyKey: ${ZONE} is ${ZONE_TEXT}`,
      `spec.topologySpreadConstraints[0].labelSelector: ${NO_SELECTOR}`,
    ],
  },
  {
    about: 'an affinity to no pods',
    spec: {
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'a' }] },
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ podAffinityTerm: { topologyKey: 'a' } }] },
      },
    },
    want: [
      `spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: ${NO_SELECTOR}`,
      `spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: ${NO_SELECTOR}`,
    ],
  },
  {
    about: 'annotations that are fields now',
    meta: {
      annotations: {
        'scheduler.alpha.kubernetes.io/critical-pod': '',
        'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default',
        'container.seccomp.security.alpha.kubernetes.io/c': 'runtime/default',
        'container.apparmor.security.beta.kubernetes.io/c': 'unconfined',
      },
    },
    want: [
      'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
  },
  {
    about: 'old kinds of volumes',
    spec: { volumes: [{ gitRepo: {} }, { storageos: {} }, { cephfs: {} }] },
    want: [
      'spec.volumes[0].gitRepo: deprecated in v1.11',
      'spec.volumes[1].storageOS: deprecated in v1.22, non-functional in v1.25+',
      'spec.volumes[2].cephfs: deprecated in v1.28, non-functional in v1.31+',
    ],
  },
  {
    about: 'something where a token is to be',
    spec: {
      volumes: [
        {
          projected: {
            sources: [{ serviceAccountToken: { path: 'token' } }, { secret: { items: [{ path: 'a' }, { path: 'token' }] } }],
          },
        },
      ],
    },
    want: ['spec.volumes[0].projected.sources.secrets[1]: has duplicated path with ServiceAccountToken "token"'],
  },
  {
    about: 'things twice, and without a name',
    spec: {
      hostAliases: [{ ip: '192.0.2.1' }, { ip: '192.0.2.1' }],
      imagePullSecrets: [{ name: 'a' }, { name: 'a' }, { name: '' }],
    },
    want: [
      'spec.hostAliases[1].ip: duplicate ip "192.0.2.1"',
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
  },
  {
    about: 'fractions of bytes',
    spec: { overhead: { memory: '1m' } },
    container: {
      resources: { limits: { memory: '1500m', cpu: '100m' }, requests: { memory: '1000m', 'ephemeral-storage': '0.5' } },
    },
    want: [
      'spec.overhead[memory]: fractional byte value "1m" is invalid, must be an integer',
      'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[ephemeral-storage]: fractional byte value "500m" is invalid, must be an integer',
    ],
  },
  {
    about: 'variables that hide others',
    container: {
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '$(A)2' },
        { name: 'A', value: '3' },
      ],
    },
    want: ['spec.containers[0].env[2]: hides previous definition of "A", which may be dropped when using apply'],
  },
  {
    about: 'ports that clash',
    container: {
      ports: [
        { containerPort: 80 },
        { containerPort: 80 },
        { containerPort: 80, hostPort: 5 },
        { containerPort: 80, hostPort: 5, hostIP: '192.0.2.1' },
        { containerPort: 81, hostIP: '192.0.2.1', protocol: 'TCP' },
      ],
    },
    want: [
      'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[2]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[0].ports[3]: overlapping port definition with spec.containers[0].ports[0]',
      'spec.containers[0].ports[3]: overlapping port definition with spec.containers[0].ports[1]',
      'spec.containers[0].ports[3]: dangerously ambiguous port definition with spec.containers[0].ports[2]',
      'spec.containers[0].ports[4]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:81 Protocol:TCP HostIP:192.0.2.1}',
    ],
  },
  {
    about: 'negative grace',
    spec: { terminationGracePeriodSeconds: -1 },
    want: ['spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1'],
  },
];

describe('a pod with', () => {
  const podOf = ({ meta = {}, spec = {}, container = {} }: PodRow) => ({
    metadata: { name: 'a', ...meta },
    spec: { containers: [{ name: 'c', ...container }], ...spec },
  });

  it.each(POD_ROWS)('$about is commented on', ({ want, ...row }) => {
    expect(warningsOf('/Pod', podOf({ ...row, want }))).toEqual(want);
  });

  it.each(POD_ROWS)('$about is in a template what it is by itself', ({ want, ...row }) => {
    const template = podOf({ ...row, want });

    const inTemplate = want.map((text) => text.replaceAll(/(^| )(spec|metadata)\./g, '$1spec.template.$2.'));
    expect(warningsOf('apps/Deployment', { metadata: { name: 'a' }, spec: { template } })).toEqual(inTemplate);
  });
});

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const NAME = `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${LABEL}]`;
const TEMPLATE = { spec: { terminationGracePeriodSeconds: -1, containers: [] } };
const GRACE = 'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1';

describe('workloads', () => {
  it.each(['apps/Deployment', 'apps/ReplicaSet', '/ReplicationController', 'batch/Job'])(
    '%s: names of pods are names of hosts',
    (kind) => {
      expect(warningsOf(kind, { metadata: { name: 'a.b' }, spec: { template: TEMPLATE } })).toEqual([
        NAME,
        `spec.template.${GRACE}`,
      ]);
    },
  );

  it.each(['apps/DaemonSet', 'apps/StatefulSet'])('%s: templates of pods', (kind) => {
    expect(warningsOf(kind, { metadata: { name: 'a' }, spec: { template: TEMPLATE } })).toEqual([`spec.template.${GRACE}`]);
  });

  it.each(['apps/Deployment', 'apps/ReplicaSet', '/ReplicationController', 'batch/Job', 'apps/DaemonSet', 'apps/StatefulSet'])(
    '%s: only updates of the spec are commented on',
    (kind) => {
      const at = (generation: number) => ({ metadata: { name: 'a.b', generation }, spec: { template: TEMPLATE } });

      expect(warningsOf(kind, at(1), at(1))).toEqual([]);
      expect(warningsOf(kind, at(2), at(1))).toEqual([`spec.template.${GRACE}`]);
    },
  );

  it('Jobs of a CronJob, and its time zone', () => {
    const job = {
      metadata: { name: 'a.b' },
      spec: { schedule: 'TZ=UTC * * * * *', jobTemplate: { spec: { template: TEMPLATE } } },
    };

    expect(warningsOf('batch/CronJob', job)).toEqual([NAME, `spec.jobTemplate.spec.template.${GRACE}`]);
    expect(warningsOf('batch/CronJob', job, job)).toEqual([
      expect.stringMatching(/^cannot use TZ or CRON_TZ in spec.spec.schedule/),
    ]);
  });

  it('a Job with more indexes than can be told', () => {
    const spec = { completionMode: 'Indexed', completions: 100_001, parallelism: 10_001 };

    expect(warningsOf('batch/Job', { metadata: { name: 'a' }, spec })).toEqual([expect.stringMatching(/^In Indexed Jobs with/)]);
  });
});

const CLASS = 'volume.beta.kubernetes.io/storage-class';

describe('other kinds', () => {
  it.each([
    {
      kind: '/Service',
      object: {
        metadata: { annotations: { 'service.kubernetes.io/topology-aware-hints': 'auto' } },
        spec: {
          type: 'ClusterIP',
          clusterIP: 'None',
          externalIPs: ['2001:db8:0::1'],
          sessionAffinity: 'ClientIP',
          externalName: 'a.b',
        },
      },
      want: [
        'annotation service.kubernetes.io/topology-aware-hints is deprecated, please use service.kubernetes.io/topology-mode instead',
        'spec.externalIPs is ignored for headless services',
        'spec.SessionAffinity is ignored for headless services',
        'spec.externalIPs[0]: IPv6 address "2001:db8:0::1" should be in RFC 5952 canonical format ("2001:db8::1")',
        'spec.externalName is ignored when spec.type is not "ExternalName"',
      ],
    },
    {
      kind: '/Service',
      object: { spec: { type: 'ExternalName', externalIPs: ['192.0.2.1'], trafficDistribution: 'PreferClose' } },
      want: [
        'spec.externalIPs is ignored when spec.type is "ExternalName"',
        'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
      ],
    },
    {
      kind: '/Service',
      object: {
        spec: { type: 'LoadBalancer', externalIPs: ['192.0.2.1'], loadBalancerSourceRanges: ['192.0.2.1/24', '10.0.0.0/8'] },
      },
      want: [
        'spec.externalIPs is deprecated and may no longer be implemented in some clusters',
        'spec.loadBalancerSourceRanges[0]: CIDR value "192.0.2.1/24" is ambiguous in this context (should be "192.0.2.0/24" or "192.0.2.1/32"?)',
      ],
    },
    {
      kind: 'networking.k8s.io/NetworkPolicy',
      object: { spec: { egress: [{ to: [{ ipBlock: { cidr: '2001:DB8::/32', except: ['2001:db8::1/64'] } }] }] } },
      want: [
        'spec.egress[0].to[0].ipBlock.cidr: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format ("2001:db8::/32")',
        'spec.egress[0].to[0].ipBlock.except[0]: CIDR value "2001:db8::1/64" is ambiguous in this context (should be "2001:db8::/64" or "2001:db8::1/128"?)',
      ],
    },
    {
      kind: 'networking.k8s.io/Ingress',
      object: { metadata: { annotations: { 'kubernetes.io/ingress.class': 'x' } }, spec: {} },
      want: [`annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`],
    },
    {
      kind: '/PersistentVolume',
      object: {
        metadata: { annotations: { [CLASS]: 'x', 'volume.beta.kubernetes.io/mount-options': 'ro' } },
        spec: {
          persistentVolumeReclaimPolicy: 'Recycle',
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, values: ['-'] }] }] } },
          glusterfs: {},
        },
      },
      want: [
        `metadata.annotations[${CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`,
        'metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "mountOptions" attribute instead',
        'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        `spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: ${ZONE} is ${ZONE_TEXT}`,
        expect.stringMatching(
          /^spec\.nodeAffinity\.required\.nodeSelectorTerms\[0]\.matchExpressions\[0]\.values\[0]: - is invalid, a valid label/,
        ),
        'spec.glusterfs: deprecated in v1.25, non-functional in v1.26+',
      ],
    },
    {
      kind: '/PersistentVolumeClaim',
      object: { metadata: { annotations: { [CLASS]: 'x' } }, spec: { resources: { requests: { storage: '1.5' } } } },
      want: [
        `metadata.annotations[${CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`,
        'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
      ],
    },
    {
      kind: 'storage.k8s.io/StorageClass',
      object: { allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values: ['a'] }] }] },
      want: [`allowedTopologies[0].matchLabelExpressions[0].key: ${ZONE} is ${ZONE_TEXT}`],
    },
    {
      kind: 'storage.k8s.io/CSIStorageCapacity',
      object: { nodeTopology: { matchLabels: { [ZONE]: 'a' }, matchExpressions: [{ key: ZONE, operator: 'Exists' }] } },
      want: [`nodeTopology.matchExpressions[0].key: ${ZONE} is ${ZONE_TEXT}`, `nodeTopology.matchLabels.${ZONE}: ${ZONE_TEXT}`],
    },
    {
      kind: 'node.k8s.io/RuntimeClass',
      object: { scheduling: { nodeSelector: { [ZONE]: 'a' } } },
      want: [`scheduling.nodeSelector: ${ZONE_TEXT}`],
    },
    {
      kind: '/ServiceAccount',
      object: { metadata: { annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } } },
      want: [
        'metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets',
      ],
    },
    {
      kind: '/Node',
      object: { spec: { externalID: 'x' } },
      want: ['spec.externalID: this field is deprecated, and is unused by Kubernetes'],
    },
  ])('$kind $object', ({ kind, object, want }) => {
    expect(warningsOf(kind, object)).toEqual(want);
  });

  it('a certificate and a key that do not belong together', async () => {
    const authority = await createAuthority({ commonName: 'a' });
    const [one, other] = await Promise.all(['a', 'b'].map((commonName) => authority.issue({ commonName, usages: ['server'] })));
    const secret = (crt = '', key = '') => ({
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': Buffer.from(crt).toString('base64'), 'tls.key': Buffer.from(key).toString('base64') },
    });

    expect(warningsOf('/Secret', secret(one?.certificate, one?.privateKey))).toEqual([]);
    expect(warningsOf('/Secret', secret(one?.certificate, other?.privateKey))).toEqual([
      'tls: private key does not match public key',
    ]);
    expect(warningsOf('/Secret', secret('a', 'b'))).toEqual(['tls: failed to find any PEM data in certificate input']);
    expect(warningsOf('/Secret', secret(one?.certificate, 'b'))).toEqual(['tls: failed to find any PEM data in key input']);
  });
});

it('comes with the answer, for pods only when they are made', async () => {
  await using api = await startTestApiServer();
  const probe = new ApiProbe(api.transport);
  const spec: Loose = { terminationGracePeriodSeconds: -1 };

  const made = await probe.call('POST', PODS, { body: pod('a', spec) });
  const labelled = { body: { metadata: { labels: { a: 'b' } } }, contentType: 'application/merge-patch+json' };
  const patched = await probe.call('PATCH', `${PODS}/a`, labelled);
  const workload = await probe.call('POST', DEPLOYMENTS, { body: deployment('a.b') });

  expect(made.warnings).toEqual([GRACE]);
  expect(patched.warnings).toEqual([]);
  expect(workload.warnings).toEqual([NAME]);
});
