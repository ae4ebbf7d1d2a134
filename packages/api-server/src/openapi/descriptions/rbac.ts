import type { Descriptions } from './shared.ts';

/** Roles and who has them. */
export const RBAC: Descriptions = {
  'rbac.v1.AggregationRule': {
    '': 'How a ClusterRole is put together from others.',
    clusterRoleSelectors: 'ClusterRoles that match one of these give it their rules.',
  },
  'rbac.v1.ClusterRole': {
    '': 'Rights to the objects of the cluster or of all namespaces.',
    aggregationRule: 'Makes the rules from those of other ClusterRoles; what is in `rules` is overwritten.',
    rules: 'What the role lets its subjects do.',
  },
  'rbac.v1.ClusterRoleBinding': {
    '': 'Gives users, groups and service accounts the rights of a ClusterRole everywhere.',
    roleRef: 'The ClusterRole whose rights are given. Cannot be changed.',
    subjects: 'Who gets the rights.',
  },
  'rbac.v1.PolicyRule': {
    '': 'Something that may be done. Whatever no rule allows is forbidden.',
    apiGroups: 'The API groups of the resources; the empty one is the core group, `*` means all.',
    nonResourceURLs: 'Paths that are no resources, such as `/healthz` or `/metrics/*`. For ClusterRoles only.',
    resourceNames: 'Only objects of these names; all if absent.',
    resources: 'The resources, such as `pods` or `pods/log`; `*` means all.',
    verbs:
      'What may be done: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection` and others; `*` means all.',
  },
  'rbac.v1.Role': {
    '': 'Rights to the objects of a namespace.',
    rules: 'What the role lets its subjects do, in its namespace.',
  },
  'rbac.v1.RoleBinding': {
    '': 'Gives users, groups and service accounts the rights of a role in a namespace.',
    roleRef: 'The Role in this namespace, or the ClusterRole, whose rights are given. Cannot be changed.',
    subjects: 'Who gets the rights.',
  },
  'rbac.v1.RoleRef': {
    '': 'The role whose rights are given.',
    apiGroup: 'Always `rbac.authorization.k8s.io`.',
    kind: '`Role` or `ClusterRole`.',
    name: 'The name of the role.',
  },
  'rbac.v1.Subject': {
    '': 'A user, a group or a service account.',
    apiGroup: 'Empty for service accounts, `rbac.authorization.k8s.io` for users and groups.',
    kind: '`User`, `Group` or `ServiceAccount`.',
    name: 'Its name.',
    namespace: 'The namespace of a service account.',
  },
};
