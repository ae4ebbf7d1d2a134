import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '@keelson/api/rbac/v1';
import { COMPONENT_RULES, COMPONENT_USERS } from './component-roles.ts';
import { controllerClusterRoleBindings, controllerClusterRoles } from './controller-roles.ts';
import { MADE_HERE, RBAC, roleRef } from './policy-rules.ts';

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];

function rule(apiGroup: string, resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [apiGroup], resources: [...resources], verbs: [...verbs] };
}

function urls(...nonResourceURLs: string[]): PolicyRule {
  return { nonResourceURLs, verbs: ['get'] };
}

const WORKLOADS: readonly (readonly [group: string, resources: readonly string[]])[] = [
  [
    '',
    [
      'configmaps',
      'persistentvolumeclaims',
      'pods',
      'replicationcontrollers',
      'replicationcontrollers/scale',
      'serviceaccounts',
      'services',
    ],
  ],
  [
    'apps',
    [
      'daemonsets',
      'deployments',
      'deployments/scale',
      'replicasets',
      'replicasets/scale',
      'statefulsets',
      'statefulsets/scale',
      'controllerrevisions',
    ],
  ],
  ['autoscaling', ['horizontalpodautoscalers']],
  ['batch', ['cronjobs', 'jobs']],
  ['networking.k8s.io', ['ingresses', 'networkpolicies']],
  ['policy', ['poddisruptionbudgets']],
];

const READABLE: readonly (readonly [group: string, resources: readonly string[]])[] = [
  ...WORKLOADS,
  [
    '',
    [
      'bindings',
      'endpoints',
      'events',
      'limitranges',
      'namespaces',
      'namespaces/status',
      'pods/log',
      'pods/status',
      'resourcequotas',
      'services/status',
    ],
  ],
  ['discovery.k8s.io', ['endpointslices']],
];

/** Reading a namespace, but not its secrets. */
const TO_VIEW: readonly PolicyRule[] = READABLE.map(([group, resources]) => rule(group, resources, READ));
/** Beside reading: changing what is in a namespace, with its secrets and the insides of its pods. */
const TO_EDIT: readonly PolicyRule[] = [
  ...WORKLOADS.map(([group, resources]) => rule(group, resources, WRITE)),
  rule('', ['secrets'], [...READ, ...WRITE]),
  rule('', ['pods/attach', 'pods/exec', 'pods/portforward', 'pods/proxy', 'services/proxy'], [...READ, ...WRITE]),
  rule('', ['pods/eviction', 'serviceaccounts/token'], ['create']),
  rule('', ['serviceaccounts'], ['impersonate']),
];
/** Beside changing: the roles of a namespace, and what others may do in it. */
const TO_ADMIN: readonly PolicyRule[] = [
  rule(RBAC, ['rolebindings', 'roles'], [...READ, ...WRITE]),
  rule('authorization.k8s.io', ['localsubjectaccessreviews'], ['create']),
];

const DISCOVERY = urls(
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
  '/version',
  '/version/',
);

const RULES: Readonly<Record<string, readonly PolicyRule[]>> = {
  'cluster-admin': [rule('*', ['*'], ['*']), { nonResourceURLs: ['*'], verbs: ['*'] }],
  'system:aggregate-to-admin': TO_ADMIN,
  'system:aggregate-to-edit': TO_EDIT,
  'system:aggregate-to-view': TO_VIEW,
  'system:discovery': [DISCOVERY],
  'system:public-info-viewer': [urls('/healthz', '/livez', '/readyz', '/version', '/version/')],
  'system:monitoring': [urls('/healthz', '/healthz/*', '/livez', '/livez/*', '/metrics', '/readyz', '/readyz/*')],
  'system:basic-user': [
    rule('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    rule('authentication.k8s.io', ['selfsubjectreviews'], ['create']),
  ],
  'system:service-account-issuer-discovery': [
    urls('/.well-known/openid-configuration', '/.well-known/openid-configuration/', '/openid/v1/jwks', '/openid/v1/jwks/'),
  ],
  ...certificateRoles(),
  ...COMPONENT_RULES,
  'system:auth-delegator': [
    rule('authentication.k8s.io', ['tokenreviews'], ['create']),
    rule('authorization.k8s.io', ['subjectaccessreviews'], ['create']),
  ],
  'system:kubelet-api-admin': [
    rule('', ['nodes'], [...READ, 'proxy']),
    rule('', ['nodes/configz', 'nodes/healthz', 'nodes/log', 'nodes/metrics', 'nodes/pods', 'nodes/proxy', 'nodes/stats'], ['*']),
  ],
};

/** Asking for certificates, having them without anybody being asked, and approving those of a signer. */
function certificateRoles(): Record<string, readonly PolicyRule[]> {
  const group = 'certificates.k8s.io';
  const requests = 'certificatesigningrequests';
  const prefix = `system:${group}`;
  const approver = (signer: string): [string, readonly PolicyRule[]] => [
    `${prefix}:${signer}-approver`,
    [{ ...rule(group, ['signers'], ['approve']), resourceNames: [`kubernetes.io/${signer}`] }],
  ];
  return {
    'system:node-bootstrapper': [rule(group, [requests], ['create', 'get', 'list', 'watch'])],
    [`${prefix}:${requests}:nodeclient`]: [rule(group, [`${requests}/nodeclient`], ['create'])],
    [`${prefix}:${requests}:selfnodeclient`]: [rule(group, [`${requests}/selfnodeclient`], ['create'])],
    ...Object.fromEntries(
      ['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving', 'legacy-unknown'].map(approver),
    ),
  };
}

/** Roles whose rules are those of all roles with their label. A role may be part of the next larger one itself. */
const AGGREGATED: Readonly<Record<string, { readonly partOf?: string }>> = {
  admin: {},
  edit: { partOf: 'admin' },
  view: { partOf: 'edit' },
};

/** The label of what `role` is made of. */
function partOf(role: string): Readonly<Record<string, string>> {
  return { [`${RBAC}/aggregate-to-${role}`]: 'true' };
}

const BOUND_GROUPS: Readonly<Record<string, readonly string[]>> = {
  'cluster-admin': ['system:masters'],
  'system:discovery': ['system:authenticated'],
  'system:basic-user': ['system:authenticated'],
  'system:public-info-viewer': ['system:authenticated', 'system:unauthenticated'],
  'system:monitoring': ['system:monitoring'],
  'system:service-account-issuer-discovery': ['system:serviceaccounts'],
};

/** The cluster roles that every cluster has (kubernetes.io: rbac, default roles). */
export function bootstrapClusterRoles(): ClusterRole[] {
  return [
    ...Object.entries(AGGREGATED).map(([name, { partOf: larger }]) => aggregatedRole(name, larger)),
    ...plainRoles(),
    ...controllerClusterRoles(),
  ];
}

/** Its rules are the aggregating controller's, and so none is said here. */
function aggregatedRole(name: string, larger: string | undefined): ClusterRole {
  const labels = { ...MADE_HERE.labels, ...(larger !== undefined && partOf(larger)) };
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { ...partOf(name) } }] };
  return { metadata: { name, ...MADE_HERE, labels }, aggregationRule };
}

function plainRoles(): ClusterRole[] {
  return Object.entries(RULES).map(([name, rules]) => {
    const [, larger] = /^system:aggregate-to-(.+)$/.exec(name) ?? [];
    const labels = { ...MADE_HERE.labels, ...(larger !== undefined && partOf(larger)) };
    return { metadata: { name, ...MADE_HERE, labels }, rules: [...rules] };
  });
}

/** Who has them. */
export function bootstrapClusterRoleBindings(): ClusterRoleBinding[] {
  const ofGroups = Object.entries(BOUND_GROUPS).map(([role, groups]) => binding(role, 'Group', groups));
  const ofUsers = Object.entries(COMPONENT_USERS).map(([role, user]) => binding(role, 'User', [user]));
  return [...ofGroups, ...ofUsers, ...controllerClusterRoleBindings()];
}

function binding(name: string, kind: 'Group' | 'User', names: readonly string[]): ClusterRoleBinding {
  const subjects = names.map((each) => ({ apiGroup: RBAC, kind, name: each }));
  return { metadata: { name, ...MADE_HERE }, roleRef: roleRef('ClusterRole', name), subjects };
}
