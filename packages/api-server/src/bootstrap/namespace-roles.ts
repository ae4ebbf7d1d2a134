import type { PolicyRule, Role, RoleBinding, Subject } from '@keelson/api/rbac/v1';
import { EVENTS, MADE_HERE, RBAC, roleRef, rule } from './policy-rules.ts';

interface NamespaceRole {
  readonly namespace: string;
  readonly name: string;
  readonly rules: readonly PolicyRule[];
  /** Of the binding, if it is not called like the role. */
  readonly binding?: string;
  readonly subjects: readonly Subject[];
}

const READ = 'get list watch';

/** Roles within the namespaces of the cluster itself, with who has them. */
const ROLES: readonly NamespaceRole[] = [
  {
    namespace: 'kube-system',
    name: 'extension-apiserver-authentication-reader',
    rules: [rule('core', 'configmaps', READ, 'extension-apiserver-authentication')],
    binding: 'system::extension-apiserver-authentication-reader',
    subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:bootstrap-signer',
    rules: [rule('core', 'secrets', READ)],
    subjects: [account('bootstrap-signer')],
  },
  {
    namespace: 'kube-public',
    name: 'system:controller:bootstrap-signer',
    rules: [rule('core', 'configmaps', READ), rule('core', 'configmaps', 'update', 'cluster-info'), EVENTS],
    subjects: [account('bootstrap-signer')],
  },
  {
    namespace: 'kube-system',
    name: 'system:controller:token-cleaner',
    rules: [rule('core', 'secrets', `${READ} delete`), EVENTS],
    subjects: [account('token-cleaner')],
  },
  ...['kube-controller-manager', 'kube-scheduler'].map((name) => ({
    namespace: 'kube-system',
    name: `system::leader-locking-${name}`,
    rules: [
      rule('core', 'configmaps', 'watch'),
      rule('core', 'configmaps', 'get update', name),
      rule('coordination.k8s.io', 'leases', `${READ} create update`),
    ],
    subjects: [user(`system:${name}`), account(name)],
  })),
];

export function bootstrapRoles(): Role[] {
  return ROLES.map(({ namespace, name, rules }) => ({ metadata: { name, namespace, ...MADE_HERE }, rules: [...rules] }));
}

export function bootstrapRoleBindings(): RoleBinding[] {
  return ROLES.map(({ namespace, name, binding = name, subjects }) => ({
    metadata: { name: binding, namespace, ...MADE_HERE },
    roleRef: roleRef('Role', name),
    subjects: [...subjects],
  }));
}

function user(name: string): Subject {
  return { apiGroup: RBAC, kind: 'User', name };
}

function account(name: string): Subject {
  return { kind: 'ServiceAccount', name, namespace: 'kube-system' };
}
