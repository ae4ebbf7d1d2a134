import type { PolicyRule } from '@keelson/api/rbac/v1';

/** `rule('apps', 'deployments deployments/status', 'get update')`: words are separated by spaces, and `core` is the group without a name. */
export function rule(apiGroups: string, resources: string, verbs: string, ...resourceNames: string[]): PolicyRule {
  const groups = apiGroups.split(' ').map((group) => (group === 'core' ? '' : group));
  const names = resourceNames.length > 0 ? { resourceNames } : {};
  return { apiGroups: groups, resources: resources.split(' '), verbs: verbs.split(' '), ...names };
}

/** What marks roles that the server made, and may bring up to date. */
export const MADE_HERE = {
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' },
  annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' },
};

/** To tell of what one does. */
export const EVENTS = rule('core events.k8s.io', 'events', 'create update patch');

/** A reference to a role. */
export function roleRef(kind: 'ClusterRole' | 'Role', name: string): { apiGroup: string; kind: string; name: string } {
  return { apiGroup: RBAC, kind, name };
}

export const RBAC = 'rbac.authorization.k8s.io';
