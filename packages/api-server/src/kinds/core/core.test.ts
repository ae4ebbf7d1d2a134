import type { KubernetesObject } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { strategyOf } from '../index.ts';
import { CONTEXT, defaulted, problems, updateProblems } from '../test-support.ts';

function object(kind: string, rest: object = {}): KubernetesObject & Record<string, unknown> {
  return { kind, metadata: { name: 'a', namespace: 'default' }, ...rest };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const FROZEN = 'field is immutable when `immutable` is set';

describe('defaults', () => {
  it.each<{ group: string; kind: string; given: object; want: object }>([
    {
      group: '',
      kind: 'Secret',
      given: { stringData: { a: 'ä' }, data: { a: 'eA==', b: 'eA==' } },
      want: { type: 'Opaque', data: { a: base64('ä'), b: 'eA==' } },
    },
    {
      group: '',
      kind: 'Node',
      given: { spec: { podCIDR: '10.0.0.0/24' }, status: { capacity: { cpu: '4' } } },
      want: { spec: { podCIDRs: ['10.0.0.0/24'] }, status: { allocatable: { cpu: '4' } } },
    },
    {
      group: '',
      kind: 'Endpoints',
      given: { subsets: [{ ports: [{ port: 1 }] }] },
      want: { subsets: [{ ports: [{ port: 1, protocol: 'TCP' }] }] },
    },
    {
      group: 'discovery.k8s.io',
      kind: 'EndpointSlice',
      given: { ports: [{ port: 1 }] },
      want: { ports: [{ name: '', port: 1, protocol: 'TCP' }] },
    },
    {
      group: '',
      kind: 'LimitRange',
      given: { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, min: { memory: '1Mi' } }] } },
      want: { spec: { limits: [{ default: { cpu: '2' }, defaultRequest: { cpu: '2', memory: '1Mi' } }] } },
    },
    {
      group: '',
      kind: 'PersistentVolumeClaim',
      given: { spec: {} },
      want: { spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
    },
    {
      group: '',
      kind: 'PersistentVolume',
      given: { spec: {} },
      want: { spec: { volumeMode: 'Filesystem', persistentVolumeReclaimPolicy: 'Retain' }, status: { phase: 'Pending' } },
    },
    {
      group: 'storage.k8s.io',
      kind: 'StorageClass',
      given: {},
      want: { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
    },
    { group: 'scheduling.k8s.io', kind: 'PriorityClass', given: {}, want: { preemptionPolicy: 'PreemptLowerPriority' } },
    {
      group: 'networking.k8s.io',
      kind: 'NetworkPolicy',
      given: { spec: { ingress: [{ ports: [{ port: 1 }] }] } },
      want: { spec: { policyTypes: ['Ingress'], ingress: [{ ports: [{ protocol: 'TCP' }] }] } },
    },
    {
      group: 'networking.k8s.io',
      kind: 'NetworkPolicy',
      given: { spec: { egress: [{}] } },
      want: { spec: { policyTypes: ['Ingress', 'Egress'] } },
    },
    {
      group: 'networking.k8s.io',
      kind: 'IngressClass',
      given: { spec: { parameters: {} } },
      want: { spec: { parameters: { scope: 'Cluster' } } },
    },
    {
      group: 'rbac.authorization.k8s.io',
      kind: 'ClusterRoleBinding',
      given: {
        roleRef: { kind: 'ClusterRole', name: 'x' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'ServiceAccount', name: 's' },
        ],
      },
      want: {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }, { kind: 'ServiceAccount', name: 's' }],
      },
    },
    {
      group: 'autoscaling',
      kind: 'HorizontalPodAutoscaler',
      given: { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 5 } } } },
      want: {
        spec: {
          minReplicas: 1,
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
          behavior: {
            scaleUp: {
              stabilizationWindowSeconds: 0,
              selectPolicy: 'Max',
              policies: [
                { type: 'Pods', value: 4, periodSeconds: 15 },
                { type: 'Percent', value: 100, periodSeconds: 15 },
              ],
            },
            scaleDown: {
              stabilizationWindowSeconds: 5,
              selectPolicy: 'Max',
              policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
            },
          },
        },
      },
    },
    {
      group: 'admissionregistration.k8s.io',
      kind: 'MutatingWebhookConfiguration',
      given: { webhooks: [{ name: 'a.b.c', rules: [{}], clientConfig: { service: {} } }] },
      want: {
        webhooks: [
          {
            failurePolicy: 'Fail',
            matchPolicy: 'Equivalent',
            namespaceSelector: {},
            objectSelector: {},
            timeoutSeconds: 10,
            reinvocationPolicy: 'Never',
            rules: [{ scope: '*' }],
            clientConfig: { service: { port: 443 } },
          },
        ],
      },
    },
    {
      group: 'apiextensions.k8s.io',
      kind: 'CustomResourceDefinition',
      given: { spec: { names: { kind: 'Boat', plural: 'boats' } } },
      want: { spec: { names: { singular: 'boat', listKind: 'BoatList' }, conversion: { strategy: 'None' } } },
    },
    {
      group: 'storage.k8s.io',
      kind: 'CSIDriver',
      given: { spec: {} },
      want: { spec: { attachRequired: true, volumeLifecycleModes: ['Persistent'], fsGroupPolicy: 'ReadWriteOnceWithFSType' } },
    },
    {
      group: 'flowcontrol.apiserver.k8s.io',
      kind: 'FlowSchema',
      given: { spec: {} },
      want: { spec: { matchingPrecedence: 1000 } },
    },
    {
      group: 'resource.k8s.io',
      kind: 'ResourceClaim',
      given: { spec: { devices: { requests: [{ name: 'a', exactly: {} }] } } },
      want: { spec: { devices: { requests: [{ name: 'a', exactly: { allocationMode: 'ExactCount', count: 1 } }] } } },
    },
  ])('$kind', ({ group, kind, given, want }) => {
    const once = defaulted(group, object(kind, given));

    expect(once).toMatchObject(want);
    expect(once).not.toHaveProperty('stringData');
    expect(defaulted(group, once)).toEqual(once);
  });
});

describe('a Namespace', () => {
  const strategy = strategyOf('', 'Namespace');

  it('is born active, labelled and with its finalizer', () => {
    const namespace = object('Namespace', { metadata: { name: 'a', labels: { x: 'y' } }, status: { phase: 'Terminating' } });

    strategy.prepareForCreate?.(namespace, CONTEXT);
    strategy.setDefaults?.(namespace);

    expect(namespace).toMatchObject({
      metadata: { labels: { x: 'y', 'kubernetes.io/metadata.name': 'a' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('keeps its finalizers through a change', () => {
    const namespace = object('Namespace', { spec: {} });

    strategy.prepareForUpdate?.(namespace, object('Namespace', { spec: { finalizers: ['kubernetes'] } }), CONTEXT);

    expect(namespace['spec']).toEqual({ finalizers: ['kubernetes'] });
  });
});

describe('validation', () => {
  it.each<{ title: string; group: string; kind: string; rest: object; want: unknown[] }>([
    {
      title: 'keys',
      group: '',
      kind: 'ConfigMap',
      rest: { data: { 'a b': 'x' } },
      want: [expect.stringMatching(/^data\[a b\]: Invalid value: "a b": a valid config key must consist of/)],
    },
    {
      title: 'a key twice',
      group: '',
      kind: 'ConfigMap',
      rest: { data: { a: 'x' }, binaryData: { a: 'eA==' } },
      want: [
        'data[a]: Invalid value: "a": duplicate of key present in binaryData',
        'binaryData[a]: Invalid value: "a": duplicate of key present in data',
      ],
    },
    {
      title: 'too much',
      group: '',
      kind: 'ConfigMap',
      rest: { data: { a: 'x'.repeat(1_048_577) } },
      want: ['[]: Too long: may not be more than 1048576 bytes'],
    },
    { title: 'just enough', group: '', kind: 'ConfigMap', rest: { data: { a: 'x'.repeat(1_048_576) } }, want: [] },
    {
      title: 'too much',
      group: '',
      kind: 'Secret',
      rest: { data: { a: base64('x'.repeat(1_048_577)) } },
      want: ['data: Too long: may not be more than 1048576 bytes'],
    },
    {
      title: 'no certificate',
      group: '',
      kind: 'Secret',
      rest: { type: 'kubernetes.io/tls' },
      want: ['data[tls.crt]: Required value', 'data[tls.key]: Required value'],
    },
    {
      title: 'no credentials',
      group: '',
      kind: 'Secret',
      rest: { type: 'kubernetes.io/basic-auth' },
      want: ['data[username]: Required value', 'data[password]: Required value'],
    },
    {
      title: 'no account',
      group: '',
      kind: 'Secret',
      rest: { type: 'kubernetes.io/service-account-token' },
      want: ['metadata.annotations[kubernetes.io/service-account.name]: Required value'],
    },
    {
      title: 'what is no JSON, without showing it',
      group: '',
      kind: 'Secret',
      rest: { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': 'secret' } },
      want: ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character in JSON'],
    },
    {
      title: 'a taint twice',
      group: '',
      kind: 'Node',
      rest: {
        spec: {
          taints: [
            { key: 'a', effect: 'NoSchedule' },
            { key: 'a', effect: 'NoSchedule', value: 'x' },
          ],
        },
      },
      want: ['spec.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule","value":"x"}'],
    },
    {
      title: 'unknown effects',
      group: '',
      kind: 'Node',
      rest: { spec: { taints: [{ key: 'a', effect: 'X' }] } },
      want: ['spec.taints[0].effect: Unsupported value: "X": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"'],
    },
    {
      title: 'nobody',
      group: '',
      kind: 'Endpoints',
      rest: { subsets: [{ ports: [{ port: 1 }] }] },
      want: ['subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`'],
    },
    {
      title: 'unknown families',
      group: 'discovery.k8s.io',
      kind: 'EndpointSlice',
      rest: { addressType: 'IPX', endpoints: [] },
      want: ['addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"'],
    },
    {
      title: 'too many endpoints',
      group: 'discovery.k8s.io',
      kind: 'EndpointSlice',
      rest: { addressType: 'IPv4', endpoints: Array.from({ length: 1001 }, () => ({ addresses: ['10.0.0.1'] })) },
      want: ['endpoints: Too many: 1001: must have at most 1000 items'],
    },
    {
      title: 'an event of another namespace',
      group: '',
      kind: 'Event',
      rest: { involvedObject: { namespace: 'other' } },
      want: ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
    },
    { title: 'an event of a node', group: '', kind: 'Event', rest: { involvedObject: { kind: 'Node' } }, want: [] },
    {
      title: 'half an event',
      group: 'events.k8s.io',
      kind: 'Event',
      rest: {
        eventTime: '2026-01-01T00:00:00.000000Z',
        involvedObject: {},
        type: 'Normal',
        reason: 'r',
        action: 'a',
        reportingComponent: 'me',
      },
      want: ['reportingInstance: Required value'],
    },
    {
      title: 'no time',
      group: 'coordination.k8s.io',
      kind: 'Lease',
      rest: { spec: { leaseDurationSeconds: 0, holderIdentity: '' } },
      // A lease without a holder is one that was given back.
      want: ['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'],
    },
    {
      title: 'a minimum above the maximum',
      group: '',
      kind: 'LimitRange',
      rest: { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] } },
      want: ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
    },
    {
      title: 'parts of pods',
      group: '',
      kind: 'ResourceQuota',
      rest: { spec: { hard: { pods: '1500m' } } },
      want: ['spec.hard[pods]: Invalid value: "1500m": must be an integer'],
    },
    {
      title: 'no modes and no size',
      group: '',
      kind: 'PersistentVolumeClaim',
      rest: { spec: {} },
      want: ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
    },
    {
      title: 'no source',
      group: '',
      kind: 'PersistentVolume',
      rest: { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } } },
      want: ['spec: Required value: must specify a volume type'],
    },
    {
      title: 'nobody who provides',
      group: 'storage.k8s.io',
      kind: 'StorageClass',
      rest: {},
      want: ['provisioner: Required value'],
    },
    {
      title: 'priorities of the system',
      group: 'scheduling.k8s.io',
      kind: 'PriorityClass',
      rest: { value: 1_000_000_001 },
      want: ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
    },
    {
      title: 'nothing',
      group: 'networking.k8s.io',
      kind: 'Ingress',
      rest: { spec: {} },
      want: ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
    },
    {
      title: 'a path without a type',
      group: 'networking.k8s.io',
      kind: 'Ingress',
      rest: {
        spec: {
          rules: [{ host: 'a.b', http: { paths: [{ path: '/', backend: { service: { name: 's', port: { number: 80 } } } }] } }],
        },
      },
      want: ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified'],
    },
    {
      title: 'nobody',
      group: 'networking.k8s.io',
      kind: 'NetworkPolicy',
      rest: { spec: { podSelector: {}, ingress: [{ from: [{}] }] } },
      want: ['spec.ingress[0].from[0]: Required value: must specify a peer'],
    },
    {
      title: 'both bounds',
      group: 'policy',
      kind: 'PodDisruptionBudget',
      rest: { spec: { minAvailable: 1, maxUnavailable: 1 } },
      want: [
        'spec: Invalid value: {"MinAvailable":1,"Selector":null,"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
      ],
    },
    {
      title: 'no target',
      group: 'autoscaling',
      kind: 'HorizontalPodAutoscaler',
      rest: { spec: { maxReplicas: 1 } },
      want: ['spec.scaleTargetRef.kind: Required value', 'spec.scaleTargetRef.name: Required value'],
    },
    {
      title: 'rules without verbs',
      group: 'rbac.authorization.k8s.io',
      kind: 'Role',
      rest: { rules: [{ apiGroups: [''], resources: ['pods'] }] },
      want: ['rules[0].verbs: Required value: verbs must contain at least one value'],
    },
    {
      title: 'paths in a namespace',
      group: 'rbac.authorization.k8s.io',
      kind: 'Role',
      rest: { rules: [{ verbs: ['get'], nonResourceURLs: ['/'] }] },
      want: ['rules[0].nonResourceURLs: Invalid value: ["/"]: namespaced rules cannot apply to non-resource URLs'],
    },
    {
      title: 'an account of no namespace',
      group: 'rbac.authorization.k8s.io',
      kind: 'ClusterRoleBinding',
      rest: { roleRef: { kind: 'ClusterRole', name: 'x' }, subjects: [{ kind: 'ServiceAccount', name: 's' }] },
      want: ['subjects[0].namespace: Required value'],
    },
    {
      title: 'names that are not theirs',
      group: 'apiregistration.k8s.io',
      kind: 'APIService',
      rest: { spec: { group: 'x.io', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 1 } },
      want: ['metadata.name: Invalid value: "a": must be `spec.version+"."+spec.group`: "v1.x.io"'],
    },
  ])('$kind refuses or accepts $title', ({ group, kind, rest, want }) => {
    expect(problems(group, object(kind, rest))).toEqual(want);
  });
});

describe('changes', () => {
  it.each<{ title: string; group: string; kind: string; old: object; rest: object; want: string[] }>([
    {
      title: 'of what is frozen',
      group: '',
      kind: 'ConfigMap',
      old: { immutable: true, data: { a: 'x' } },
      rest: { immutable: true, data: { a: 'y' } },
      want: [`data: Forbidden: ${FROZEN}`],
    },
    {
      title: 'that thaw',
      group: '',
      kind: 'ConfigMap',
      old: { immutable: true, data: {} },
      rest: { data: {} },
      want: [`immutable: Forbidden: ${FROZEN}`],
    },
    {
      title: 'of labels of what is frozen',
      group: '',
      kind: 'Secret',
      old: { immutable: true },
      rest: { immutable: true, metadata: { labels: { a: 'b' } } },
      want: [],
    },
    {
      title: 'of the type',
      group: '',
      kind: 'Secret',
      old: { type: 'a' },
      rest: { type: 'b' },
      want: ['type: Invalid value: "b": field is immutable'],
    },
    { title: 'that leave out the type', group: '', kind: 'Secret', old: { type: 'a' }, rest: {}, want: [] },
    {
      title: 'of pod ranges',
      group: '',
      kind: 'Node',
      old: { spec: { podCIDR: '10.0.0.0/24' } },
      rest: { spec: { podCIDR: '10.0.1.0/24' } },
      want: ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    },
    {
      title: 'of the family',
      group: 'discovery.k8s.io',
      kind: 'EndpointSlice',
      old: { addressType: 'IPv4' },
      rest: { addressType: 'IPv6' },
      want: ['addressType: Invalid value: "IPv6": field is immutable'],
    },
    {
      title: 'of the role',
      group: 'rbac.authorization.k8s.io',
      kind: 'ClusterRoleBinding',
      old: { roleRef: { kind: 'ClusterRole', name: 'x' } },
      rest: { roleRef: { kind: 'ClusterRole', name: 'y' } },
      want: [
        'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"y"}: cannot change roleRef',
      ],
    },
    {
      title: 'of the value',
      group: 'scheduling.k8s.io',
      kind: 'PriorityClass',
      old: { value: 1 },
      rest: { value: 2 },
      want: ['value: Forbidden: may not be changed in an update.'],
    },
    {
      title: 'of who provides',
      group: 'storage.k8s.io',
      kind: 'StorageClass',
      old: { provisioner: 'a/b' },
      rest: { provisioner: 'a/c' },
      want: ['provisioner: Forbidden: updates to provisioner are forbidden.'],
    },
  ])('$title of a $kind', ({ group, kind, old, rest, want }) => {
    expect(updateProblems(group, object(kind, old), object(kind, rest))).toEqual(want);
  });

  it('let a bound claim grow and nothing else', () => {
    const claim = (spec: object, status: object = {}): KubernetesObject =>
      object('PersistentVolumeClaim', {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
        status,
      });
    const bound = claim({}, { phase: 'Bound', capacity: { storage: '1Gi' } });

    expect(updateProblems('', bound, claim({ resources: { requests: { storage: '2Gi' } } }))).toEqual([]);
    expect(updateProblems('', bound, claim({ resources: { requests: { storage: '512Mi' } } }))).toEqual([
      'spec.resources.requests.storage: Forbidden: field can not be less than status.capacity',
    ]);
    expect(updateProblems('', bound, claim({ storageClassName: 'x' }))).toEqual([]);
    expect(updateProblems('', bound, claim({ volumeName: 'x', selector: {} }))).toEqual([
      'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
    ]);
  });
});

it('says who asks for a certificate', () => {
  const request = object('CertificateSigningRequest', { spec: { username: 'mallory' } });

  strategyOf('certificates.k8s.io', 'CertificateSigningRequest').prepareForCreate?.(request, {
    ...CONTEXT,
    user: { name: 'alice', groups: ['a'] },
  });

  expect(request['spec']).toMatchObject({ username: 'alice', groups: ['a'] });
});

describe('PUT', () => {
  it.each([
    ['', 'Service', true],
    ['', 'Endpoints', true],
    ['', 'Event', true],
    ['', 'LimitRange', true],
    ['coordination.k8s.io', 'Lease', true],
    ['rbac.authorization.k8s.io', 'Role', true],
    ['node.k8s.io', 'RuntimeClass', true],
    ['', 'Pod', undefined],
    ['', 'ConfigMap', undefined],
    ['apps', 'Deployment', undefined],
  ])('to a missing %s %s creates it: %s', (group, kind, want) => {
    expect(strategyOf(group, kind).allowCreateOnUpdate).toBe(want);
  });

  it.each([
    ['apiextensions.k8s.io', 'CustomResourceDefinition'],
    ['coordination.k8s.io', 'Lease'],
    ['policy', 'PodDisruptionBudget'],
    ['admissionregistration.k8s.io', 'MutatingWebhookConfiguration'],
    ['admissionregistration.k8s.io', 'ValidatingWebhookConfiguration'],
    ['node.k8s.io', 'RuntimeClass'],
    ['storage.k8s.io', 'CSIDriver'],
    ['storage.k8s.io', 'CSINode'],
    ['storage.k8s.io', 'CSIStorageCapacity'],
    ['apiregistration.k8s.io', 'APIService'],
  ])('of a %s %s must name a version', (group, kind) => {
    expect(strategyOf(group, kind).allowUnconditionalUpdate).toBe(false);
  });
});

it.each([
  ['', 'Namespace', 'dns-label'],
  ['', 'Service', 'dns-1035-label'],
  ['apps', 'StatefulSet', 'dns-label'],
  ['rbac.authorization.k8s.io', 'ClusterRole', 'path-segment'],
  ['', 'Pod', undefined],
])('names a %s %s by the rule %s', (group, kind, want) => {
  expect(strategyOf(group, kind).nameRule).toBe(want);
});

it('has a strategy without rules for what it does not know', () => {
  expect(strategyOf('example.com', 'Boat')).toEqual({});
});
