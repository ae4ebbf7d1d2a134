import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '@keelson/api/rbac/v1';
import { EVENTS, MADE_HERE, roleRef, rule } from './policy-rules.ts';

const READ = 'get list watch';
/** Upstream's do not get single pods; ours look again where their cache may be behind. */
const POD_KEEPER = 'get list watch create delete patch';
/** Upstream updates; ours say in a patch what has changed, so as to take back nothing that somebody else has written. */
const WRITE = 'update patch';

type Rules = Readonly<Record<string, readonly PolicyRule[]>>;

const revisions = rule('apps', 'controllerrevisions', `${READ} create delete update patch`);
const WORKLOADS: Rules = {
  'cronjob-controller': [
    rule('batch', 'cronjobs', `${READ} update`),
    rule('batch', 'jobs', `${READ} create update delete patch`),
    rule('batch', 'cronjobs/status cronjobs/finalizers', WRITE),
    rule('core', 'pods', 'list watch delete'),
    EVENTS,
  ],
  'daemon-set-controller': [
    rule('apps', 'daemonsets', READ),
    rule('apps', 'daemonsets/status daemonsets/finalizers', WRITE),
    rule('core', 'nodes', 'list watch'),
    rule('core', 'pods', POD_KEEPER),
    rule('core', 'pods/binding', 'create'),
    revisions,
    EVENTS,
  ],
  'deployment-controller': [
    rule('apps', 'deployments', `${READ} update`),
    rule('apps', 'deployments/status deployments/finalizers', WRITE),
    rule('apps', 'replicasets', `${READ} create update patch delete`),
    rule('core', 'pods', `${READ} update`),
    EVENTS,
  ],
  'disruption-controller': [
    rule('apps', 'deployments replicasets statefulsets', READ),
    rule('core', 'replicationcontrollers', READ),
    rule('policy', 'poddisruptionbudgets', READ),
    rule('policy', 'poddisruptionbudgets/status', WRITE),
    rule('core', 'pods/status', 'patch update'),
    rule('*', '*/scale', 'get'),
    EVENTS,
  ],
  'horizontal-pod-autoscaler': [
    rule('autoscaling', 'horizontalpodautoscalers', READ),
    rule('autoscaling', 'horizontalpodautoscalers/status', WRITE),
    rule('*', '*/scale', `get ${WRITE}`),
    rule('core metrics.k8s.io', 'pods', 'list watch'),
    rule('custom.metrics.k8s.io external.metrics.k8s.io', '*', READ),
    EVENTS,
  ],
  'job-controller': [
    rule('batch', 'jobs', `${READ} update patch`),
    rule('batch', 'jobs/status jobs/finalizers', WRITE),
    rule('core', 'pods', POD_KEEPER),
    EVENTS,
  ],
  'replicaset-controller': [
    rule('apps', 'replicasets', `${READ} update`),
    rule('apps', 'replicasets/status replicasets/finalizers', WRITE),
    rule('core', 'pods', POD_KEEPER),
    EVENTS,
  ],
  'replication-controller': [
    rule('core', 'replicationcontrollers', `${READ} update`),
    rule('core', 'replicationcontrollers/status replicationcontrollers/finalizers', WRITE),
    rule('core', 'pods', POD_KEEPER),
    EVENTS,
  ],
  'statefulset-controller': [
    rule('core', 'pods', `${READ} create delete update patch`),
    rule('apps', 'statefulsets', READ),
    rule('apps', 'statefulsets/status statefulsets/finalizers', WRITE),
    rule('core', 'pods/finalizers', 'update'),
    rule('core', 'persistentvolumeclaims', `${READ} ${WRITE} create delete`),
    revisions,
    EVENTS,
  ],
  'ttl-after-finished-controller': [rule('batch', 'jobs', `${READ} delete`), EVENTS],
};

const slices = rule('discovery.k8s.io', 'endpointslices', `${READ} create update delete`);
const SERVICES: Rules = {
  'endpoint-controller': [
    rule('core', 'services pods', READ),
    rule('core', 'endpoints', `${READ} create update delete`),
    rule('core', 'endpoints/restricted', 'create'),
    EVENTS,
  ],
  'endpointslice-controller': [
    rule('core', 'services pods nodes', READ),
    rule('core', 'services/finalizers', 'update'),
    slices,
    EVENTS,
  ],
  'endpointslicemirroring-controller': [
    rule('core', 'services endpoints', READ),
    rule('core', 'services/finalizers endpoints/finalizers', 'update'),
    slices,
    EVENTS,
  ],
  'service-cidrs-controller': [
    rule('networking.k8s.io', 'servicecidrs', `${READ} patch update`),
    rule('networking.k8s.io', 'servicecidrs/finalizers servicecidrs/status', 'patch update'),
    rule('networking.k8s.io', 'ipaddresses', READ),
    EVENTS,
  ],
  'service-controller': [
    rule('core', 'services', READ),
    rule('core', 'services/status', 'patch update'),
    rule('core', 'nodes', 'list watch'),
    EVENTS,
  ],
};

const STORAGE: Rules = {
  'ephemeral-volume-controller': [
    rule('core', 'pods', READ),
    rule('core', 'pods/finalizers', 'update'),
    rule('core', 'persistentvolumeclaims', `${READ} create`),
    EVENTS,
  ],
  'persistent-volume-binder': [
    rule('core', 'persistentvolumes', `${READ} ${WRITE} create delete`),
    rule('core', 'persistentvolumes/status persistentvolumeclaims/status', WRITE),
    rule('core', 'persistentvolumeclaims', `${READ} ${WRITE}`),
    rule('core', 'pods', `${READ} create delete`),
    rule('storage.k8s.io', 'storageclasses', READ),
    rule('core', 'nodes', 'list watch'),
    rule('core', 'events', 'watch'),
    EVENTS,
  ],
  'pv-protection-controller': [rule('core', 'persistentvolumes', `${READ} ${WRITE}`), EVENTS],
  'pvc-protection-controller': [rule('core', 'persistentvolumeclaims', `${READ} ${WRITE}`), rule('core', 'pods', READ), EVENTS],
};

const group = 'certificates.k8s.io';
const kubelets = 'kubernetes.io/kube-apiserver-client-kubelet';
const signers = [
  'kubernetes.io/legacy-unknown',
  'kubernetes.io/kube-apiserver-client',
  kubelets,
  'kubernetes.io/kubelet-serving',
];
const ACCOUNTS: Rules = {
  'certificate-controller': [
    rule(group, 'certificatesigningrequests', `${READ} delete`),
    rule(group, 'certificatesigningrequests/status certificatesigningrequests/approval', 'update'),
    rule(group, 'signers', 'approve', kubelets),
    rule(group, 'signers', 'sign', ...signers),
    rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
    EVENTS,
  ],
  // Not upstream's, where people approve what kubelets serve with.
  'kubelet-serving-approver': [
    rule(group, 'certificatesigningrequests', READ),
    rule(group, 'certificatesigningrequests/approval', 'update'),
    rule(group, 'signers', 'approve', 'kubernetes.io/kubelet-serving'),
    EVENTS,
  ],
  'clusterrole-aggregation-controller': [rule('rbac.authorization.k8s.io', 'clusterroles', `escalate ${READ} update patch`)],
  'root-ca-cert-publisher': [rule('core', 'configmaps', 'create update'), EVENTS],
  'service-account-controller': [rule('core', 'serviceaccounts', 'create'), EVENTS],
};

/**
 * What built-in controllers may do, by the service account that they act as (kubernetes.io: RBAC, "Roles for built-in controllers"). What is
 * beside upstream's rules says why.
 */
const RULES: Rules = {
  ...WORKLOADS,
  ...SERVICES,
  ...STORAGE,
  ...ACCOUNTS,
  'generic-garbage-collector': [rule('*', '*', `${READ} patch update delete`), EVENTS],
  'namespace-controller': [
    rule('core', 'namespaces', `${READ} delete`),
    rule('core', 'namespaces/finalize namespaces/status', 'update'),
    rule('*', '*', `${READ} delete deletecollection`),
  ],
  'node-controller': [
    rule('core', 'nodes', `${READ} update delete patch`),
    rule('core', 'nodes/status pods/status', 'patch update'),
    rule('core', 'pods', `${READ} delete`),
    EVENTS,
  ],
  'pod-garbage-collector': [
    rule('core', 'pods', 'list watch delete'),
    rule('core', 'nodes', READ),
    rule('core', 'pods/status', 'patch'),
  ],
  'resourcequota-controller': [rule('*', '*', 'list watch'), rule('core', 'resourcequotas/status', WRITE), EVENTS],
};

export function controllerClusterRoles(): ClusterRole[] {
  return Object.entries(RULES).map(([account, rules]) => ({
    metadata: { name: `system:controller:${account}`, ...MADE_HERE },
    rules: [...rules],
  }));
}

export function controllerClusterRoleBindings(): ClusterRoleBinding[] {
  return Object.keys(RULES).map((account) => ({
    metadata: { name: `system:controller:${account}`, ...MADE_HERE },
    roleRef: roleRef('ClusterRole', `system:controller:${account}`),
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'kube-system' }],
  }));
}
