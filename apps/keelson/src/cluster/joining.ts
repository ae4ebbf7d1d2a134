import { ConfigMap } from '@keelson/api/core/v1';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding, type PolicyRule } from '@keelson/api/rbac/v1';
import type { BootstrapObject } from '@keelson/api-server';
import type { KubernetesObject } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import type { ClusterSettings } from '../options.ts';

/** Where machines that join read what all nodes of the cluster have to agree on. */
export const CLUSTER_CONFIG = { name: 'keelson-config', namespace: 'kube-system' };

/** What all nodes of a cluster have to agree on. */
export type ClusterConfiguration = Pick<ClusterSettings, 'clusterCidr' | 'serviceCidr' | 'dns'>;

const RBAC = 'rbac.authorization.k8s.io';
const NODES = { apiGroup: RBAC, kind: 'Group', name: 'system:nodes' };
const BOOTSTRAPPERS = { ...NODES, name: 'system:bootstrappers' };

/** The cluster's configuration, which every node may read, and who has a token. */
export function configurationObjects(settings: ClusterConfiguration): readonly BootstrapObject[] {
  return [
    kept(ConfigMap, { metadata: { ...CLUSTER_CONFIG }, data: configData(settings) }),
    kept(Role, {
      metadata: { name: 'keelson:config', namespace: CLUSTER_CONFIG.namespace },
      rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [CLUSTER_CONFIG.name], verbs: ['get'] }],
    }),
    kept(RoleBinding, {
      metadata: { name: 'keelson:config', namespace: CLUSTER_CONFIG.namespace },
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'keelson:config' },
      subjects: [BOOTSTRAPPERS, NODES],
    }),
  ];
}

/**
 * What nodes of other machines may do, beside what a kubelet may: run for their machine what `keelson up` runs for its own: proxy, network policies,
 * volumes for claims.
 */
export function joinedNodeObjects(): readonly BootstrapObject[] {
  return [
    kept(ClusterRole, { metadata: { name: 'keelson:node-policies' }, rules: POLICY_RULES }),
    kept(ClusterRole, { metadata: { name: 'keelson:node-volumes' }, rules: VOLUME_RULES }),
    ...['system:node-proxier', 'keelson:node-policies', 'keelson:node-volumes'].map(toNodes),
  ];
}

/** The configuration in a ConfigMap, as `configurationObjects` has made it. Throws `BadRequest` if it is not whole. */
export function configurationIn({ data = {} }: ConfigMap): ClusterConfiguration {
  const { clusterCIDR: clusterCidr, serviceCIDR: serviceCidr, dns } = data;
  if (clusterCidr && serviceCidr && (dns === 'on' || dns === 'off')) return { clusterCidr, serviceCidr, dns };
  const where = `${CLUSTER_CONFIG.namespace}/${CLUSTER_CONFIG.name}`;
  throw new KeelsonError('BadRequest', `ConfigMap "${where}" does not say clusterCIDR, serviceCIDR and dns`);
}

function configData({ clusterCidr, serviceCidr, dns }: ClusterConfiguration): Record<string, string> {
  return { clusterCIDR: clusterCidr, serviceCIDR: serviceCidr, dns };
}

/** Which pods a policy is for, and whom it lets in, depends on pods and namespaces of the whole cluster. */
const POLICY_RULES: PolicyRule[] = [
  { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
  { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
];

/** A volume for a claim is a directory of the node that was chosen for it. */
export const VOLUME_RULES: PolicyRule[] = [
  {
    apiGroups: [''],
    resources: ['persistentvolumes'],
    verbs: ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'],
  },
  { apiGroups: [''], resources: ['persistentvolumeclaims'], verbs: ['get', 'list', 'watch', 'update', 'patch'] },
  { apiGroups: ['storage.k8s.io'], resources: ['storageclasses'], verbs: ['get', 'list', 'watch'] },
];

function toNodes(role: string): BootstrapObject {
  const name = role.startsWith('keelson:') ? role : `keelson:${role.replace('system:', '')}`;
  return kept(ClusterRoleBinding, {
    metadata: { name },
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
    subjects: [NODES],
  });
}

function kept<T extends KubernetesObject>(kind: BootstrapObject<T>['kind'], object: T): BootstrapObject<T> {
  return { kind, object, reconcile: true };
}
