import type { KubernetesObject } from '@keelson/api';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding, type PolicyRule } from '@keelson/api/rbac/v1';
import type { BootstrapObject } from '@keelson/api-server';
import { KUBELET_CLIENT } from './credentials.ts';
import { VOLUME_RULES } from './joining.ts';

const RBAC = 'rbac.authorization.k8s.io';
const NAMESPACE = 'kube-system';

const EVENTS: PolicyRule = { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] };

/** By the service account that a part acts as. What it only reads, it reads through informers that all parts share. */
const EVERYWHERE: Readonly<Record<string, readonly PolicyRule[]>> = {
  'local-path-provisioner': [...VOLUME_RULES, EVENTS],
  'keelson-ingress': [
    { apiGroups: ['networking.k8s.io'], resources: ['ingressclasses'], verbs: ['get', 'create'] },
    { apiGroups: ['networking.k8s.io'], resources: ['ingresses/status'], verbs: ['patch', 'update'] },
    EVENTS,
  ],
};

/** In `kube-system` alone. */
const THERE: Readonly<Record<string, readonly PolicyRule[]>> = {
  'kube-dns': [
    { apiGroups: [''], resources: ['services'], verbs: ['get', 'create'] },
    {
      apiGroups: ['discovery.k8s.io'],
      resources: ['endpointslices'],
      verbs: ['get', 'create', 'update', 'patch', 'delete'],
    },
  ],
};

/** Kubelets ask the API server what it may do with them. */
const KUBELETS = kept(ClusterRoleBinding, {
  metadata: { name: 'keelson:apiserver-kubelet-client' },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'system:kubelet-api-admin' },
  subjects: [{ apiGroup: RBAC, kind: 'User', name: KUBELET_CLIENT }],
});

/** What the parts of the bundle may do that are not Kubernetes' own, and the API server with kubelets. */
export function addonRoles(): readonly BootstrapObject[] {
  return [
    KUBELETS,
    ...Object.entries(EVERYWHERE).map(([name, rules]) => kept(ClusterRole, { metadata: named(name), rules: [...rules] })),
    ...Object.keys(EVERYWHERE).map((name) => kept(ClusterRoleBinding, { metadata: named(name), ...bound('ClusterRole', name) })),
    ...Object.entries(THERE).map(([name, rules]) =>
      kept(Role, { metadata: { ...named(name), namespace: NAMESPACE }, rules: [...rules] }),
    ),
    ...Object.keys(THERE).map((name) =>
      kept(RoleBinding, { metadata: { ...named(name), namespace: NAMESPACE }, ...bound('Role', name) }),
    ),
  ];
}

function named(account: string): { name: string } {
  return { name: `keelson:${account}` };
}

function bound(kind: 'ClusterRole' | 'Role', account: string): Pick<RoleBinding, 'roleRef' | 'subjects'> {
  return {
    roleRef: { apiGroup: RBAC, kind, name: `keelson:${account}` },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: NAMESPACE }],
  };
}

function kept<T extends KubernetesObject>(kind: BootstrapObject<T>['kind'], object: T): BootstrapObject<T> {
  return { kind, object, reconcile: true };
}
