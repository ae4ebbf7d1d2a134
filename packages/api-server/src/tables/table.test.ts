import { facts, type KubernetesObject, type ResourceFact } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { tableSchema } from '../registry/kind-schema.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { tableOf } from './table.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1_000).toISOString().replace('.000Z', 'Z');
const metadata = { name: 'x', namespace: 'ns', creationTimestamp: ago(300) };

function definitionOf(fact: ResourceFact): ResourceDefinition {
  return {
    group: fact.group,
    version: fact.version,
    kind: fact.kind,
    listKind: `${fact.kind}List`,
    resource: fact.plural,
    singular: fact.singular,
    shortNames: [],
    categories: [],
    namespaced: fact.namespaced,
    verbs: fact.verbs,
    subresources: {},
    schema: tableSchema(fact.def),
    columns: fact.columns ?? [],
    fieldSelectors: [],
    storage: undefined,
    strategy: {},
  };
}

/** `Kind`, or `Kind.group@version` if there are several. */
function definition(name: string): ResourceDefinition {
  const [, kind, group, version = 'v1'] = /^(\w+)(?:\.([^@]+))?(?:@(\w+))?$/.exec(name) ?? [];
  const fact = facts().resources.find(
    (each) => each.kind === kind && (!group || (each.group === group && each.version === version)),
  );
  if (!fact) throw new Error(`no kind ${name}`);
  return definitionOf(fact);
}

function row(kind: string, object: object): Record<string, unknown> {
  const { columnDefinitions, rows } = tableOf(definition(kind), [{ metadata, ...object } as KubernetesObject], {
    nowMs: NOW,
    includeObject: 'None',
  });
  return Object.fromEntries(columnDefinitions.map(({ name }, at) => [name, rows[0]?.cells[at]]));
}

const container = (status: object) => ({ name: 'c', ready: false, restartCount: 0, image: 'i', imageID: '', ...status });
const oneContainer = { containers: [{ name: 'c', image: 'i' }] };
const running = { state: { running: {} }, ready: true };

describe('the columns of pods', () => {
  it.each([
    { title: 'says the phase', status: { phase: 'Pending' }, ready: '0/1', text: 'Pending' },
    { title: 'says the reason of the status', status: { phase: 'Failed', reason: 'Evicted' }, ready: '0/1', text: 'Evicted' },
    {
      title: 'counts ready containers',
      status: { phase: 'Running', containerStatuses: [container(running)] },
      ready: '1/1',
      text: 'Running',
    },
    {
      title: 'says why a container waits',
      status: { phase: 'Running', containerStatuses: [container({ state: { waiting: { reason: 'CrashLoopBackOff' } } })] },
      ready: '0/1',
      text: 'CrashLoopBackOff',
    },
    {
      title: 'says how a container ended that gave no reason',
      status: { phase: 'Failed', containerStatuses: [container({ state: { terminated: { exitCode: 3 } } })] },
      ready: '0/1',
      text: 'ExitCode:3',
    },
    {
      title: 'says the signal that ended a container',
      status: { phase: 'Failed', containerStatuses: [container({ state: { terminated: { exitCode: 137, signal: 9 } } })] },
      ready: '0/1',
      text: 'Signal:9',
    },
    {
      title: 'is NotReady if one container completed and the rest runs',
      status: {
        phase: 'Running',
        containerStatuses: [container({ state: { terminated: { exitCode: 0, reason: 'Completed' } } }), container(running)],
      },
      ready: '1/1',
      text: 'NotReady',
    },
    {
      title: 'says what gates its scheduling',
      status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      ready: '0/1',
      text: 'SchedulingGated',
    },
  ])('$title', ({ status, ready, text }) => {
    expect(row('Pod', { spec: oneContainer, status })).toMatchObject({ Ready: ready, Status: text });
  });

  it.each([
    { title: 'how far initialization is', state: { running: {} }, text: 'Init:1/2' },
    { title: 'why an init container waits', state: { waiting: { reason: 'ImagePullBackOff' } }, text: 'Init:ImagePullBackOff' },
    { title: 'that an init container waits for its turn', state: { waiting: { reason: 'PodInitializing' } }, text: 'Init:1/2' },
    { title: 'that an init container failed', state: { terminated: { exitCode: 1, reason: 'Error' } }, text: 'Init:Error' },
    { title: 'with which code it failed', state: { terminated: { exitCode: 4 } }, text: 'Init:ExitCode:4' },
  ])('say $title', ({ state, text }) => {
    const spec = { ...oneContainer, initContainers: [{ name: 'a' }, { name: 'b' }] };
    const initContainerStatuses = [
      container({ name: 'a', restartCount: 2, state: { terminated: { exitCode: 0 } } }),
      container({ name: 'b', state }),
    ];

    expect(row('Pod', { spec, status: { phase: 'Pending', initContainerStatuses } })).toMatchObject({
      Ready: '0/1',
      Status: text,
      Restarts: '2',
    });
  });

  it('count sidecars as containers, and forget restarts of what is over', () => {
    const spec = { ...oneContainer, initContainers: [{ name: 'a' }, { name: 's', restartPolicy: 'Always' }] };
    const initContainerStatuses = [
      container({ name: 'a', restartCount: 5, state: { terminated: { exitCode: 0 } } }),
      container({ name: 's', restartCount: 1, started: true, ...running }),
    ];
    const containerStatuses = [container({ ...running, restartCount: 2 })];

    expect(row('Pod', { spec, status: { phase: 'Running', initContainerStatuses, containerStatuses } })).toMatchObject({
      Ready: '2/2',
      Status: 'Running',
      Restarts: '3',
    });
  });

  it('say when a container was last started again', () => {
    const lastState = { terminated: { exitCode: 1, finishedAt: ago(300) } };
    const containerStatuses = [container({ ...running, restartCount: 4, lastState })];

    expect(row('Pod', { spec: oneContainer, status: { phase: 'Running', containerStatuses } })).toMatchObject({
      Restarts: '4 (5m ago)',
    });
  });

  it.each([
    { status: { phase: 'Running' }, text: 'Terminating' },
    { status: { phase: 'Succeeded' }, text: 'Succeeded' },
    { status: { phase: 'Running', reason: 'NodeLost' }, text: 'Unknown' },
  ])('say $text of a deleted pod', ({ status, text }) => {
    expect(row('Pod', { metadata: { ...metadata, deletionTimestamp: ago(0) }, spec: oneContainer, status }).Status).toBe(text);
  });

  it('show addresses, node and gates in the wide form', () => {
    const spec = { ...oneContainer, nodeName: 'n', readinessGates: [{ conditionType: 'a' }, { conditionType: 'b' }] };
    const status = { podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }], conditions: [{ type: 'a', status: 'True' }] };

    expect(row('Pod', { spec, status })).toMatchObject({
      IP: '10.0.0.1',
      Node: 'n',
      'Nominated Node': '<none>',
      'Readiness Gates': '1/2',
    });
    expect(row('Pod', { spec: oneContainer })).toMatchObject({ IP: '<none>', Node: '<none>', 'Readiness Gates': '<none>' });
  });
});

describe('the columns of other kinds', () => {
  it.each<[string, object, object]>([
    [
      'Deployment',
      {
        spec: {
          replicas: 3,
          selector: { matchLabels: { b: '2', a: '1' } },
          template: {
            spec: {
              containers: [
                { name: 'c', image: 'i' },
                { name: 'd', image: 'j' },
              ],
            },
          },
        },
        status: { readyReplicas: 2 },
      },
      { Ready: '2/3', 'Up-to-date': 0, Available: 0, Age: '5m', Containers: 'c,d', Images: 'i,j', Selector: 'a=1,b=2' },
    ],
    [
      'ReplicaSet',
      {
        spec: {
          replicas: 2,
          selector: {
            matchExpressions: [
              { key: 'a', operator: 'In', values: ['y', 'x'] },
              { key: 'b', operator: 'Exists' },
            ],
          },
        },
      },
      { Desired: 2, Current: 0, Ready: 0, Selector: 'a in (x,y),b' },
    ],
    [
      'DaemonSet',
      { spec: { template: { spec: { nodeSelector: { b: '2', a: '1' } } } }, status: { desiredNumberScheduled: 2 } },
      { Desired: 2, Current: 0, 'Node Selector': 'a=1,b=2', Selector: '<none>' },
    ],
    [
      'ControllerRevision',
      {
        revision: 7,
        metadata: {
          ...metadata,
          ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', uid: 'u', controller: true }],
        },
      },
      { Controller: 'statefulset.apps/web', Revision: 7 },
    ],
    [
      'Job',
      { spec: { completions: 3 }, status: { succeeded: 1, startTime: ago(90) } },
      { Status: 'Running', Completions: '1/3', Duration: '90s' },
    ],
    [
      'Job',
      {
        spec: { parallelism: 4 },
        status: { startTime: ago(300), completionTime: ago(100), conditions: [{ type: 'Complete', status: 'True' }] },
      },
      { Status: 'Complete', Completions: '0/1 of 4', Duration: '3m20s' },
    ],
    [
      'Job',
      { spec: { suspend: true }, status: { conditions: [{ type: 'Suspended', status: 'True' }] } },
      { Status: 'Suspended', Completions: '0/1', Duration: '' },
    ],
    [
      'CronJob',
      { spec: { schedule: '* * * * *', suspend: false }, status: { active: [{}], lastScheduleTime: ago(60) } },
      { Schedule: '* * * * *', Timezone: '<none>', Suspend: 'False', Active: 1, 'Last Schedule': '60s' },
    ],
    ['CronJob', { spec: { schedule: '1 * * * *' } }, { Suspend: '<unset>', Active: 0, 'Last Schedule': '<none>' }],
    [
      'Service',
      {
        spec: {
          type: 'NodePort',
          clusterIPs: ['10.96.0.1'],
          ports: [
            { port: 80, nodePort: 30080, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
          selector: { app: 'x' },
        },
      },
      {
        Type: 'NodePort',
        'Cluster-IP': '10.96.0.1',
        'External-IP': '<none>',
        'Port(s)': '80:30080/TCP,53/UDP',
        Selector: 'app=x',
      },
    ],
    [
      'Service',
      { spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.1'] } },
      { 'External-IP': '<pending>', 'Port(s)': '<none>', Selector: '<none>' },
    ],
    [
      'Service',
      {
        spec: { type: 'LoadBalancer', externalIPs: ['1.2.3.4'] },
        status: { loadBalancer: { ingress: [{ hostname: 'lb.example.com' }, { ip: '9.9.9.9' }] } },
      },
      { 'Cluster-IP': '<none>', 'External-IP': '9.9.9.9,lb.example.com,1.2.3.4' },
    ],
    ['Service', { spec: { type: 'ExternalName', externalName: 'db.example.com' } }, { 'External-IP': 'db.example.com' }],
    [
      'Endpoints',
      { subsets: [{ addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }], ports: [{ port: 80 }, { port: 81 }] }] },
      { Endpoints: '10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 1 more...' },
    ],
    ['Endpoints', { subsets: [] }, { Endpoints: '<none>' }],
    [
      'EndpointSlice',
      {
        addressType: 'IPv4',
        ports: [{ port: 80 }],
        endpoints: [{ addresses: ['a'] }, { addresses: ['b'] }, { addresses: ['c'] }, { addresses: ['d'] }],
      },
      { AddressType: 'IPv4', Ports: '80', Endpoints: 'a,b,c + 1 more...' },
    ],
    ['EndpointSlice', { addressType: 'IPv4', endpoints: [] }, { Ports: '<unset>', Endpoints: '<unset>' }],
    [
      'Ingress',
      {
        spec: { rules: [{ host: 'a' }, { host: 'b' }, { host: 'c' }, { host: 'd' }], tls: [{}] },
        status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }] } },
      },
      { Class: '<none>', Hosts: 'a,b,c + 1 more...', Address: '1.1.1.1', Ports: '80, 443' },
    ],
    ['Ingress', { spec: { ingressClassName: 'nginx' } }, { Class: 'nginx', Hosts: '*', Address: '', Ports: '80' }],
    [
      'IngressClass',
      { spec: { controller: 'c', parameters: { apiGroup: 'g', kind: 'K', name: 'n' } } },
      { Controller: 'c', Parameters: 'K.g/n' },
    ],
    ['NetworkPolicy', { spec: { podSelector: {} } }, { 'Pod-Selector': '<none>' }],
    [
      'Node',
      {
        metadata: { ...metadata, labels: { 'node-role.kubernetes.io/worker': '', 'kubernetes.io/role': 'edge' } },
        spec: { unschedulable: true },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          addresses: [{ type: 'InternalIP', address: '10.1.1.1' }],
          nodeInfo: { kubeletVersion: 'v1.36.0' },
        },
      },
      {
        Status: 'Ready,SchedulingDisabled',
        Roles: 'edge,worker',
        Version: 'v1.36.0',
        'Internal-IP': '10.1.1.1',
        'External-IP': '<none>',
        'OS-Image': '<unknown>',
      },
    ],
    ['Node', {}, { Status: 'Unknown', Roles: '<none>', Version: '' }],
    [
      'Event',
      {
        type: 'Normal',
        reason: 'Started',
        message: ' ok \n',
        involvedObject: { kind: 'Pod', name: 'p', fieldPath: 'spec' },
        firstTimestamp: ago(600),
        lastTimestamp: ago(60),
        count: 3,
        source: { component: 'kubelet', host: 'n' },
      },
      {
        'Last Seen': '60s',
        Type: 'Normal',
        Object: 'pod/p',
        Subobject: 'spec',
        Source: 'kubelet, n',
        Message: 'ok',
        'First Seen': '10m',
        Count: 3,
      },
    ],
    [
      'Event',
      {
        involvedObject: { kind: 'Pod', name: 'p' },
        eventTime: ago(30),
        reportingComponent: 'r',
        reportingInstance: 'i',
        series: { count: 2, lastObservedTime: ago(10) },
      },
      { 'Last Seen': '10s', Source: 'r, i', 'First Seen': '30s', Count: 3 },
    ],
    [
      'Event.events.k8s.io',
      { note: 'hello', regarding: { kind: 'Pod', name: 'p' }, eventTime: ago(30), reportingController: 'r' },
      { 'Last Seen': '30s', Object: 'pod/p', Message: 'hello', Source: 'r', Count: 1 },
    ],
    ['ConfigMap', { data: { a: '', b: '' }, binaryData: { c: '' } }, { Data: 3, Age: '5m' }],
    ['Secret', { type: 'Opaque' }, { Type: 'Opaque', Data: 0 }],
    ['Namespace', { status: { phase: 'Active' } }, { Status: 'Active' }],
    [
      'ResourceQuota',
      { status: { hard: { pods: '5', 'limits.cpu': '2', cpu: '1' }, used: { pods: '1' } } },
      { Request: 'cpu: 0/1, pods: 1/5', Limit: 'limits.cpu: 0/2' },
    ],
    [
      'PersistentVolume',
      {
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
          claimRef: { namespace: 'a', name: 'b' },
          storageClassName: 's',
        },
        status: { phase: 'Bound' },
      },
      { Capacity: '1Gi', 'Access Modes': 'RWO,RWX', Status: 'Bound', Claim: 'a/b', StorageClass: 's', VolumeMode: '<unset>' },
    ],
    [
      'PersistentVolumeClaim',
      { spec: { volumeName: 'v' }, status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOncePod'] } },
      { Status: 'Bound', Volume: 'v', Capacity: '1Gi', 'Access Modes': 'RWOP' },
    ],
    [
      'PersistentVolumeClaim',
      { spec: {}, status: { phase: 'Pending', capacity: { storage: '1Gi' } } },
      { Volume: '', Capacity: '', 'Access Modes': '' },
    ],
    [
      'StorageClass',
      { provisioner: 'p', metadata: { ...metadata, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } } },
      {
        Name: 'x (default)',
        Provisioner: 'p',
        ReclaimPolicy: 'Delete',
        VolumeBindingMode: 'Immediate',
        AllowVolumeExpansion: false,
      },
    ],
    [
      'CSIDriver',
      { spec: { attachRequired: false, tokenRequests: [{ audience: 'a' }, { audience: 'b' }] } },
      { AttachRequired: false, StorageCapacity: false, TokenRequests: 'a,b', Modes: '<none>' },
    ],
    [
      'ClusterRoleBinding',
      {
        roleRef: { kind: 'ClusterRole', name: 'admin' },
        subjects: [
          { kind: 'User', name: 'u' },
          { kind: 'User', name: 'w' },
          { kind: 'ServiceAccount', name: 's', namespace: 'n' },
        ],
      },
      { Role: 'ClusterRole/admin', Users: 'u, w', Groups: '', ServiceAccounts: 'n/s' },
    ],
    ['ClusterRole', {}, { 'Created At': ago(300) }],
    [
      'CertificateSigningRequest',
      {
        spec: { username: 'u', signerName: 's', expirationSeconds: 3_600 },
        status: { certificate: 'abc', conditions: [{ type: 'Approved', status: 'True' }] },
      },
      { Requestor: 'u', RequestedDuration: '60m', Condition: 'Approved,Issued' },
    ],
    [
      'APIService',
      {
        spec: { service: { namespace: 'a', name: 'b' } },
        status: { conditions: [{ type: 'Available', status: 'False', reason: 'Missing' }] },
      },
      { Service: 'a/b', Available: 'False (Missing)' },
    ],
    [
      'APIService',
      { spec: {}, status: { conditions: [{ type: 'Available', status: 'True' }] } },
      { Service: 'Local', Available: 'True' },
    ],
    [
      'ComponentStatus',
      { conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }] },
      { Status: 'Healthy', Message: 'ok', Error: '' },
    ],
    [
      'PodDisruptionBudget',
      { spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 1 } },
      { 'Min Available': '50%', 'Max Unavailable': 'N/A', 'Allowed Disruptions': 1 },
    ],
    ['PriorityClass', { value: 10 }, { Value: 10, 'Global-Default': false, PreemptionPolicy: '<unset>' }],
    [
      'ValidatingAdmissionPolicy',
      { spec: { validations: [{}], paramKind: { apiVersion: 'v1', kind: 'ConfigMap' } } },
      { Validations: 1, ParamKind: 'v1/ConfigMap' },
    ],
    [
      'ValidatingAdmissionPolicyBinding',
      { spec: { policyName: 'p', paramRef: { name: 'n' } } },
      { PolicyName: 'p', ParamRef: '*/n' },
    ],
    [
      'FlowSchema',
      { spec: { matchingPrecedence: 100, priorityLevelConfiguration: { name: 'p' } } },
      { PriorityLevel: 'p', MatchingPrecedence: 100, MissingPL: '?' },
    ],
    ['ResourceClaim', { status: { allocation: {}, reservedFor: [{}] } }, { State: 'allocated,reserved' }],
    ['IPAddress', { spec: { parentRef: { resource: 'services', namespace: 'a', name: 'b' } } }, { ParentRef: 'services/a/b' }],
    [
      'StorageVersionMigration',
      { spec: { resource: { group: 'apps', resource: 'deployments' } } },
      { Resource: 'deployments.apps', Status: 'Unknown' },
    ],
    [
      'HorizontalPodAutoscaler.autoscaling@v2',
      {
        spec: {
          scaleTargetRef: { kind: 'Deployment', name: 'web' },
          maxReplicas: 5,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
            { type: 'Pods', pods: { target: { averageValue: '10' } } },
            { type: 'External', external: { target: { value: '1' } } },
          ],
        },
        status: { currentMetrics: [{ type: 'Resource', resource: { current: { averageUtilization: 10 } } }] },
      },
      {
        Reference: 'Deployment/web',
        Targets: 'cpu: 10%/80%, <unknown>/10 + 1 more...',
        MinPods: '<unset>',
        MaxPods: 5,
        Replicas: 0,
      },
    ],
    [
      'HorizontalPodAutoscaler.autoscaling@v1',
      { spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 5, targetCPUUtilizationPercentage: 80 } },
      { Targets: 'cpu: <unknown>/80%' },
    ],
    ['LimitRange', {}, { Name: 'x', 'Created At': ago(300) }],
    ['Lease', { spec: { holderIdentity: 'h' } }, { Holder: 'h', Age: '5m' }],
  ])('%s %#', (kind, object, want) => {
    expect(row(kind, object)).toMatchObject(want);
  });

  it('exist for every kind of the API, also of an object that has nothing', () => {
    const names = facts()
      .resources.filter((fact) => fact.verbs.includes('list'))
      .map(definitionOf);
    const tables = names.map((each) =>
      tableOf(each, [{ metadata: {}, roleRef: {} } as KubernetesObject], { nowMs: NOW, includeObject: 'None' }),
    );

    expect(tables.every(({ rows, columnDefinitions }) => rows[0]?.cells.length === columnDefinitions.length)).toBe(true);
  });
});

describe('a table', () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata } as const;

  it.each([
    { includeObject: 'None', object: null },
    { includeObject: 'Metadata', object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata } },
    { includeObject: 'Object', object: pod },
  ] as const)('carries of the object: $includeObject', ({ includeObject, object }) => {
    expect(tableOf(definition('Pod'), [pod], { nowMs: NOW, includeObject }).rows[0]?.object).toEqual(object);
  });

  it('has the metadata of the list, and columns with every field', () => {
    const table = tableOf(definition('Pod'), [], {
      nowMs: NOW,
      includeObject: 'None',
      list: { resourceVersion: '7', continue: 'c' },
    });

    expect(table.metadata).toEqual({ resourceVersion: '7', continue: 'c' });
    expect(table.columnDefinitions[5]).toEqual({ name: 'IP', type: 'string', format: '', description: '', priority: 1 });
  });

  it('shows what custom resources say of their columns', () => {
    const custom: ResourceDefinition = {
      ...definition('Pod'),
      schema: { ...tableSchema('core.v1.Pod'), openApi: () => ({}) },
      columns: [
        { name: 'Ready', type: 'string', path: '.status.conditions[?(@.type=="Ready")].status' },
        { name: 'Size', type: 'integer', path: '.spec.size' },
        { name: 'Odd', type: 'integer', path: '.spec.text' },
        { name: 'Spec', type: 'string', path: '.spec' },
        { name: 'Quoted', type: 'string', path: ".metadata.labels['a.b/c']" },
        { name: 'Escaped', type: 'string', path: '.metadata.labels.a\\.b/c' },
        { name: 'Missing', type: 'string', path: '.status.nothing' },
        { name: 'Age', type: 'date', path: '.metadata.creationTimestamp' },
      ],
    };
    const widget = {
      metadata: { ...metadata, labels: { 'a.b/c': 'L' } },
      spec: { size: 3, text: 'x' },
      status: {
        conditions: [
          { type: 'Other', status: 'False' },
          { type: 'Ready', status: 'True' },
        ],
      },
    } as KubernetesObject;

    const { rows } = tableOf(custom, [widget], { nowMs: NOW, includeObject: 'None' });

    expect(rows[0]?.cells).toEqual(['True', 3, null, '{"size":3,"text":"x"}', 'L', 'L', null, '5m']);
  });
});
