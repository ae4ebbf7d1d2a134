import type { KubernetesObject } from '@keelson/api';
import { ConfigMap } from '@keelson/api/core/v1';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding, type Subject } from '@keelson/api/rbac/v1';
import type { BootstrapObject } from './objects.ts';
import { RBAC, roleRef, rule } from './policy-rules.ts';

const NODES = 'system:certificates.k8s.io:certificatesigningrequests';

/**
 * With these, a machine joins that has a bootstrap token and nothing else: anybody may read which cluster this is (signed by each token, so
 * that it is believed); who has a token may ask for a kubelet's certificate; that is approved, as are those that nodes renew.
 *
 * @param kubeconfig The API server's address and authority, with no user.
 */
export function joiningObjects(kubeconfig: string): readonly BootstrapObject[] {
  const bootstrappers = group('system:bootstrappers');
  return [
    kept(Role, {
      metadata: { name: 'keelson:cluster-info', namespace: 'kube-public' },
      rules: [rule('core', 'configmaps', 'get', 'cluster-info')],
    }),
    kept(RoleBinding, {
      metadata: { name: 'keelson:cluster-info', namespace: 'kube-public' },
      roleRef: roleRef('Role', 'keelson:cluster-info'),
      subjects: [{ apiGroup: RBAC, kind: 'User', name: 'system:anonymous' }],
    }),
    kept(ClusterRole, { metadata: { name: 'keelson:get-nodes' }, rules: [rule('core', 'nodes', 'get')] }),
    kept(ClusterRoleBinding, bound('keelson:get-nodes', 'keelson:get-nodes', bootstrappers)),
    kept(ClusterRoleBinding, bound('keelson:node-bootstrap', 'system:node-bootstrapper', bootstrappers)),
    kept(ClusterRoleBinding, bound('keelson:node-approve', `${NODES}:nodeclient`, bootstrappers)),
    kept(ClusterRoleBinding, bound('keelson:node-renew', `${NODES}:selfnodeclient`, group('system:nodes'))),
    kept(ConfigMap, { metadata: { name: 'cluster-info', namespace: 'kube-public' }, data: { kubeconfig } }),
  ];
}

function kept<T extends KubernetesObject>(kind: BootstrapObject<T>['kind'], object: T): BootstrapObject<T> {
  return { kind, object, reconcile: true };
}

function bound(name: string, role: string, subject: Subject): ClusterRoleBinding {
  return { metadata: { name }, roleRef: roleRef('ClusterRole', role), subjects: [subject] };
}

function group(name: string): Subject {
  return { apiGroup: RBAC, kind: 'Group', name };
}
