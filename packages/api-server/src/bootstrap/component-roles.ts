import type { PolicyRule } from '@keelson/api/rbac/v1';
import { EVENTS, rule } from './policy-rules.ts';

const READ = 'get list watch';
const LEASES = 'coordination.k8s.io';
const REVIEWS = [
  rule('authentication.k8s.io', 'tokenreviews', 'create'),
  rule('authorization.k8s.io', 'subjectaccessreviews', 'create'),
];

/** What kubelets do. */
export const NODE_RULES: readonly PolicyRule[] = [
  ...REVIEWS,
  rule('authorization.k8s.io', 'localsubjectaccessreviews', 'create'),
  rule('core', 'services configmaps secrets', READ),
  rule('core', 'nodes', `${READ} create update patch`),
  rule('core', 'nodes/status pods/status', 'patch update'),
  rule('core', 'pods', `${READ} create delete`),
  rule('core', 'pods/eviction serviceaccounts/token', 'create'),
  rule('core', 'persistentvolumeclaims persistentvolumes endpoints serviceaccounts', 'get'),
  rule('core', 'persistentvolumeclaims/status', 'get patch update'),
  rule('certificates.k8s.io', 'certificatesigningrequests', `${READ} create`),
  rule('certificates.k8s.io', 'clustertrustbundles', READ),
  rule(LEASES, 'leases', 'get create update patch delete'),
  rule('storage.k8s.io', 'volumeattachments', 'get'),
  rule('storage.k8s.io', 'csidrivers', READ),
  rule('storage.k8s.io', 'csinodes', 'get create update patch delete'),
  rule('node.k8s.io', 'runtimeclasses', READ),
  rule('resource.k8s.io', 'resourceclaims', 'get'),
  rule('resource.k8s.io', 'resourceslices', `${READ} create update patch delete`),
  EVENTS,
];

/** What the programs of a control plane may do (kubernetes.io: RBAC, "Core component roles"). */
export const COMPONENT_RULES: Readonly<Record<string, readonly PolicyRule[]>> = {
  'system:kube-controller-manager': [
    EVENTS,
    rule(LEASES, 'leases', 'create'),
    rule(LEASES, 'leases', 'get update', 'kube-controller-manager'),
    rule('core', 'secrets serviceaccounts', 'create get update'),
    rule('core', 'secrets', 'delete'),
    rule('core', 'configmaps namespaces', 'get'),
    rule('core', 'serviceaccounts/token', 'create'),
    ...REVIEWS,
    // Its caches are those of all controllers.
    rule('*', '*', 'list watch'),
  ],
  'system:kube-scheduler': [
    EVENTS,
    rule(LEASES, 'leases', 'create list watch'),
    rule(LEASES, 'leases', 'get update', 'kube-scheduler'),
    rule('core', 'nodes namespaces replicationcontrollers services persistentvolumeclaims persistentvolumes', READ),
    rule('core', 'pods', `${READ} delete`),
    rule('core', 'bindings pods/binding', 'create'),
    rule('core', 'pods/status', 'patch update'),
    rule('apps', 'replicasets statefulsets', READ),
    rule('policy', 'poddisruptionbudgets', READ),
    rule('storage.k8s.io', 'csinodes csidrivers csistoragecapacities volumeattachments', READ),
    rule('resource.k8s.io', 'deviceclasses resourceclaims resourceslices', READ),
    rule('resource.k8s.io', 'resourceclaims/status', 'patch update'),
    ...REVIEWS,
  ],
  'system:volume-scheduler': [
    rule('core', 'persistentvolumes persistentvolumeclaims', `${READ} patch update`),
    rule('storage.k8s.io', 'storageclasses', READ),
  ],
  'system:node-proxier': [
    rule('core', 'services endpoints', 'list watch'),
    rule('core', 'nodes', READ),
    rule('discovery.k8s.io', 'endpointslices', 'list watch'),
    rule('networking.k8s.io', 'servicecidrs', 'list watch'),
    EVENTS,
  ],
  'system:kubelet-api-admin': [
    rule('core', 'nodes', `${READ} proxy`),
    rule('core', 'nodes/log nodes/metrics nodes/proxy nodes/stats nodes/configz nodes/healthz nodes/pods', '*'),
  ],
  // Bound to nobody, as upstream: it is the Node authorizer that lets kubelets do this, each on its own node.
  'system:node': NODE_RULES,
  'system:persistent-volume-provisioner': [
    rule('core', 'persistentvolumes', `${READ} create delete`),
    rule('core', 'persistentvolumeclaims', `${READ} update`),
    rule('storage.k8s.io', 'storageclasses', READ),
    rule('core', 'events', 'watch'),
    EVENTS,
  ],
};

/** The users that have them. */
export const COMPONENT_USERS: Readonly<Record<string, string>> = {
  'system:kube-controller-manager': 'system:kube-controller-manager',
  'system:kube-scheduler': 'system:kube-scheduler',
  'system:volume-scheduler': 'system:kube-scheduler',
  'system:node-proxier': 'system:kube-proxy',
};
