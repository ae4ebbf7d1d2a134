import type { Loose } from '../../test-support/api-probe.ts';

/** One object of a kind, and by which rules it changes. */
export interface KindCase {
  /** Of the collection, from `/apis` on. */
  readonly path: string;
  readonly body: Loose;
  /** A merge patch of what is wanted; absent for kinds of which nothing may change that way. */
  readonly change?: object;
  /** `counts` from 1 on, `later` from the first change on; absent for kinds without a generation. */
  readonly generation?: 'counts' | 'later';
  /** PUT without a resourceVersion is refused. */
  readonly isStrict?: true;
  /** PUT to a name that does not exist makes the object. */
  readonly isMadeByPut?: true;
  /** A merge patch of the status; absent for kinds without `/status`. */
  readonly status?: object;
  /** What `/status` leaves as it is of labels, annotations, finalizers and owners. */
  readonly keptByStatus?: readonly ('labels' | 'annotations' | 'finalizers' | 'ownerReferences')[];
  /** A new object keeps the status that it comes with. */
  readonly keepsStatus?: true;
}

const CONTAINERS = [{ name: 'c', image: 'busybox:1' }];
const LABELS = { app: 'x' };
const TEMPLATE = { metadata: { labels: LABELS }, spec: { containers: CONTAINERS } };
const WORKLOAD = { selector: { matchLabels: LABELS }, template: TEMPLATE };
const JOB = { template: { spec: { restartPolicy: 'Never', containers: CONTAINERS } } };
const CONDITION = { type: 'Ready', status: 'True', reason: 'Fine', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' };
const RULES = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
const MATCH = { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] };
const WEBHOOK = {
  name: 'a.example.com',
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  clientConfig: { url: 'https://example.com' },
  // Asked about nothing.
  rules: [],
};
const ALL_METADATA = ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const;
const CLAIM = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };
const DEVICES = { devices: { requests: [{ name: 'a', exactly: { deviceClassName: 'a.example.com' } }] } };

/** PKCS #10, of alice. */
const SIGNING_REQUEST =
  'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0FBZ0VBTUI0eERqQU1CZ05WQkFNTUJXRnNhV05sTVF3d0NnWURWUVFLREFOa1pYWXdXVEFUQmdjcQpoa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFwaDJlekpSc0RlbnFoMG9sY2RLTlZESU5MaGxjOElheXkvbnA3CmU5RkhqdWsxbHVBRXZ4dHZYYURvMUhuQnFZMVN6QVJJb2NIL1Q1NVdJM0Q2VDNBZG9BQXdDZ1lJS29aSXpqMEUKQXdJRFNBQXdSUUloQVBqLzNTejMvSG1BRWdBZ1RocW5PanVSQ1c5ZmRtU0RDMGUyRld6R0RkYkZBaUFLSnRWWQpyajh5REpxSWtqdktTYnJqd2JydzdVZEVRMzl2OVpqRDlMV2p0dz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=';

const core = (resource: string): string => `/api/v1/namespaces/default/${resource}`;
const group = (name: string, resource: string): string => `/apis/${name}/v1/namespaces/default/${resource}`;
const cluster = (name: string, resource: string): string => `/apis/${name}/v1/${resource}`;
const named = (rest: object = {}, name = 'x'): Loose => ({ metadata: { name }, ...rest });

const ADMISSION = 'admissionregistration.k8s.io';
const DEVICE = 'resource.k8s.io';
const NETWORK = 'networking.k8s.io';
const RBAC = 'rbac.authorization.k8s.io';
const STORAGE = 'storage.k8s.io';

/** Every kind that is stored and generally available. */
export const EVERY_KIND: readonly KindCase[] = [
  { path: core('configmaps'), body: named(), change: { data: { a: 'b' } } },
  { path: core('endpoints'), body: named(), change: { subsets: [] }, isMadeByPut: true },
  {
    path: core('events'),
    body: named({ involvedObject: { kind: 'Pod', namespace: 'default' } }),
    change: { count: 2 },
    isMadeByPut: true,
  },
  { path: core('limitranges'), body: named({ spec: {} }), change: { spec: { limits: [{ type: 'Pod' }] } }, isMadeByPut: true },
  {
    path: core('persistentvolumeclaims'),
    body: named({ spec: CLAIM }),
    change: { spec: { volumeName: 'v' } },
    status: { phase: 'Bound' },
  },
  {
    path: core('pods'),
    body: named({ spec: { containers: CONTAINERS } }),
    change: { spec: { activeDeadlineSeconds: 5 } },
    generation: 'counts',
    status: { phase: 'Running' },
    keptByStatus: ['ownerReferences'],
  },
  {
    path: core('podtemplates'),
    body: named({ template: TEMPLATE }),
    change: { template: { spec: { nodeName: 'n' } } },
    generation: 'counts',
  },
  {
    path: core('replicationcontrollers'),
    body: named({ spec: { selector: LABELS, template: TEMPLATE } }),
    change: { spec: { replicas: 2 } },
    generation: 'counts',
    status: { replicas: 1 },
  },
  {
    path: core('resourcequotas'),
    body: named({ spec: {} }),
    change: { spec: { hard: { pods: '1' } } },
    status: { used: { pods: '1' } },
  },
  { path: core('secrets'), body: named(), change: { data: { a: 'YQ==' } } },
  { path: core('serviceaccounts'), body: named(), change: { automountServiceAccountToken: false } },
  {
    path: core('services'),
    body: named({ spec: { ports: [{ port: 80 }] } }),
    change: { spec: { selector: LABELS } },
    isMadeByPut: true,
    status: { loadBalancer: { ingress: [{ hostname: 'a.b' }] } },
  },
  { path: '/api/v1/namespaces', body: named(), status: { conditions: [CONDITION] } },
  {
    path: '/api/v1/nodes',
    body: named(),
    change: { spec: { unschedulable: true } },
    status: { nodeInfo: { kubeletVersion: 'v' } },
    keepsStatus: true,
  },
  {
    path: '/api/v1/persistentvolumes',
    body: named({ spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, nfs: { server: 'a', path: '/b' } } }),
    change: { spec: { persistentVolumeReclaimPolicy: 'Delete' } },
    status: { message: 'm' },
  },
  {
    path: cluster(ADMISSION, 'mutatingadmissionpolicies'),
    body: named({
      spec: {
        reinvocationPolicy: 'Never',
        matchConstraints: MATCH,
        mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[]' } }],
      },
    }),
    change: { spec: { reinvocationPolicy: 'IfNeeded' } },
    generation: 'counts',
    isStrict: true,
  },
  {
    path: cluster(ADMISSION, 'mutatingadmissionpolicybindings'),
    body: named({ spec: { policyName: 'p' } }),
    change: { spec: { policyName: 'q' } },
    generation: 'counts',
    isStrict: true,
  },
  {
    path: cluster(ADMISSION, 'mutatingwebhookconfigurations'),
    body: named(),
    change: { webhooks: [WEBHOOK] },
    generation: 'counts',
    isStrict: true,
  },
  {
    path: cluster(ADMISSION, 'validatingadmissionpolicies'),
    body: named({ spec: { matchConstraints: MATCH, validations: [{ expression: 'true' }] } }),
    change: { spec: { failurePolicy: 'Ignore' } },
    generation: 'counts',
    isStrict: true,
    status: { conditions: [CONDITION] },
    keptByStatus: ALL_METADATA,
  },
  {
    path: cluster(ADMISSION, 'validatingadmissionpolicybindings'),
    body: named({ spec: { policyName: 'p', validationActions: ['Warn'] } }),
    change: { spec: { policyName: 'q' } },
    generation: 'counts',
    isStrict: true,
  },
  {
    path: cluster(ADMISSION, 'validatingwebhookconfigurations'),
    body: named(),
    change: { webhooks: [WEBHOOK] },
    generation: 'counts',
    isStrict: true,
  },
  {
    path: cluster('apiextensions.k8s.io', 'customresourcedefinitions'),
    body: named(
      {
        spec: {
          group: 'example.com',
          scope: 'Namespaced',
          names: { plural: 'widgets', kind: 'Widget' },
          versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
        },
      },
      'widgets.example.com',
    ),
    change: { spec: { names: { shortNames: ['w'] } } },
    generation: 'counts',
    isStrict: true,
  },
  {
    path: cluster('apiregistration.k8s.io', 'apiservices'),
    body: named({ spec: { group: 'example.org', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 } }, 'v1.example.org'),
    change: { spec: { versionPriority: 2 } },
    isStrict: true,
    status: { conditions: [{ ...CONDITION, type: 'Available' }] },
    keptByStatus: ALL_METADATA,
  },
  { path: group('apps', 'controllerrevisions'), body: named({ revision: 1, data: {} }), change: { revision: 2 } },
  {
    path: group('apps', 'daemonsets'),
    body: named({ spec: WORKLOAD }),
    change: { spec: { minReadySeconds: 1 } },
    generation: 'counts',
    status: { numberReady: 1 },
  },
  {
    path: group('apps', 'deployments'),
    body: named({ spec: WORKLOAD }),
    change: { spec: { replicas: 2 } },
    generation: 'counts',
    status: { replicas: 1 },
    keptByStatus: ['labels'],
  },
  {
    path: group('apps', 'replicasets'),
    body: named({ spec: WORKLOAD }),
    change: { spec: { replicas: 2 } },
    generation: 'counts',
    status: { replicas: 1 },
  },
  {
    path: group('apps', 'statefulsets'),
    body: named({ spec: { ...WORKLOAD, serviceName: 's' } }),
    change: { spec: { replicas: 2 } },
    generation: 'counts',
    status: { replicas: 1 },
  },
  {
    path: '/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers',
    body: named({ spec: { maxReplicas: 2, scaleTargetRef: { kind: 'Deployment', name: 'x' } } }),
    change: { spec: { maxReplicas: 3 } },
    status: { currentReplicas: 1 },
  },
  {
    path: group('batch', 'cronjobs'),
    body: named({ spec: { schedule: '@daily', jobTemplate: { spec: JOB } } }),
    change: { spec: { suspend: true } },
    generation: 'counts',
    status: { lastScheduleTime: '2026-01-01T00:00:00Z' },
  },
  {
    path: group('batch', 'jobs'),
    body: named({ spec: JOB }),
    change: { spec: { suspend: true } },
    generation: 'counts',
    status: { active: 1 },
  },
  {
    path: group('coordination.k8s.io', 'leases'),
    body: named(),
    change: { spec: { holderIdentity: 'a' } },
    isStrict: true,
    isMadeByPut: true,
  },
  {
    path: group('discovery.k8s.io', 'endpointslices'),
    body: named({ addressType: 'IPv4', endpoints: [] }),
    change: { endpoints: [{ addresses: ['10.0.0.1'] }] },
    generation: 'counts',
  },
  {
    path: cluster('flowcontrol.apiserver.k8s.io', 'flowschemas'),
    body: named({ spec: { priorityLevelConfiguration: { name: 'x' } } }),
    change: { spec: { matchingPrecedence: 5 } },
    generation: 'counts',
    status: { conditions: [{ type: 'Dangling', status: 'True' }] },
    keptByStatus: ALL_METADATA,
  },
  {
    path: cluster('flowcontrol.apiserver.k8s.io', 'prioritylevelconfigurations'),
    body: named({ spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } }),
    change: { spec: { limited: { nominalConcurrencyShares: 5 } } },
    generation: 'counts',
    status: { conditions: [{ type: 'Odd', status: 'True' }] },
    keptByStatus: ALL_METADATA,
  },
  {
    path: group(NETWORK, 'ingresses'),
    body: named({ spec: { defaultBackend: { service: { name: 'x', port: { number: 80 } } } } }),
    change: { spec: { ingressClassName: 'y' } },
    generation: 'counts',
    status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
  },
  {
    path: cluster(NETWORK, 'ingressclasses'),
    body: named({ spec: { controller: 'a.b/c' } }),
    change: { spec: { parameters: { kind: 'K', name: 'n' } } },
    generation: 'counts',
  },
  { path: cluster(NETWORK, 'ipaddresses'), body: named({ spec: { parentRef: { resource: 'r', name: 'n' } } }, '192.0.2.1') },
  {
    path: group(NETWORK, 'networkpolicies'),
    body: named({ spec: { podSelector: {} } }),
    change: { spec: { policyTypes: ['Egress'] } },
    generation: 'counts',
  },
  {
    path: cluster(NETWORK, 'servicecidrs'),
    body: named({ spec: { cidrs: ['10.9.0.0/16'] } }),
    change: { spec: { cidrs: ['10.9.0.0/16', 'fd09::/112'] } },
    status: { conditions: [CONDITION] },
  },
  {
    path: cluster('node.k8s.io', 'runtimeclasses'),
    body: named({ handler: 'h' }),
    change: { overhead: { podFixed: { cpu: '1' } } },
    isStrict: true,
    isMadeByPut: true,
  },
  {
    path: group('policy', 'poddisruptionbudgets'),
    body: named({ spec: { maxUnavailable: 1 } }),
    change: { spec: { maxUnavailable: 2 } },
    generation: 'counts',
    isStrict: true,
    status: { currentHealthy: 1 },
  },
  { path: cluster(RBAC, 'clusterroles'), body: named(), change: { rules: RULES }, isMadeByPut: true },
  {
    path: cluster(RBAC, 'clusterrolebindings'),
    body: named({ roleRef: { kind: 'ClusterRole', name: 'r' } }),
    change: { subjects: [{ kind: 'User', name: 'u' }] },
    isMadeByPut: true,
  },
  { path: group(RBAC, 'roles'), body: named(), change: { rules: RULES }, isMadeByPut: true },
  {
    path: group(RBAC, 'rolebindings'),
    body: named({ roleRef: { kind: 'Role', name: 'r' } }),
    change: { subjects: [{ kind: 'User', name: 'u' }] },
    isMadeByPut: true,
  },
  {
    path: cluster(DEVICE, 'deviceclasses'),
    body: named({ spec: {} }),
    change: { spec: { extendedResourceName: 'a.b/c' } },
    generation: 'counts',
  },
  {
    path: group(DEVICE, 'resourceclaims'),
    body: named({ spec: DEVICES }),
    status: { allocation: { devices: { results: [{ request: 'a', driver: 'a.b', pool: 'p', device: 'd' }] } } },
    keptByStatus: ALL_METADATA,
  },
  { path: group(DEVICE, 'resourceclaimtemplates'), body: named({ spec: { spec: DEVICES } }) },
  {
    path: cluster(DEVICE, 'resourceslices'),
    body: named({ spec: { driver: 'a.b', nodeName: 'n', pool: { name: 'p', resourceSliceCount: 1 } } }),
    change: { spec: { pool: { generation: 1 } } },
    generation: 'counts',
  },
  {
    path: cluster('scheduling.k8s.io', 'priorityclasses'),
    body: named({ value: 5 }),
    change: { description: 'd' },
    generation: 'counts',
  },
  {
    path: cluster(STORAGE, 'csidrivers'),
    body: named({ spec: {} }),
    change: { spec: { requiresRepublish: true } },
    generation: 'later',
    isStrict: true,
  },
  {
    path: cluster(STORAGE, 'csinodes'),
    body: named({ spec: { drivers: [] } }),
    change: { spec: { drivers: [{ name: 'a.b', nodeID: 'n' }] } },
    isStrict: true,
  },
  {
    path: group(STORAGE, 'csistoragecapacities'),
    body: named({ storageClassName: 's' }),
    change: { capacity: '1Gi' },
    isStrict: true,
  },
  { path: cluster(STORAGE, 'storageclasses'), body: named({ provisioner: 'p' }), change: { allowVolumeExpansion: true } },
  {
    path: cluster(STORAGE, 'volumeattachments'),
    body: named({ spec: { attacher: 'a.b', nodeName: 'n', source: { persistentVolumeName: 'v' } } }),
    isStrict: true,
    status: { attached: true },
    keptByStatus: ALL_METADATA,
  },
  { path: cluster(STORAGE, 'volumeattributesclasses'), body: named({ driverName: 'd', parameters: { a: 'b' } }) },
  {
    path: cluster('certificates.k8s.io', 'certificatesigningrequests'),
    body: named({ spec: { request: SIGNING_REQUEST, signerName: 'a.b/c', usages: ['client auth'] } }),
    status: { conditions: [{ type: 'Failed', status: 'True' }] },
  },
];
