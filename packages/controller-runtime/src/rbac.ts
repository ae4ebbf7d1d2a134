import type { Kind, KubernetesObject } from '@keelson/api';
import type { PolicyRule } from '@keelson/api/rbac/v1';
import type { ControllerDefinition } from './define-controller.ts';

// Definitions of any kinds, of which only the names matter.
type AnyDefinition = Pick<ControllerDefinition<never>, 'owns' | 'watches'> & {
  readonly for: Kind;
  readonly finalizer?: { readonly name: string };
};

export interface RbacOptions {
  /** Of the operator: of its role, binding and service account. */
  readonly name: string;
  /** Where it runs. */
  readonly namespace: string;
  readonly controllers: readonly AnyDefinition[];
  /** It elects a leader. */
  readonly leaderElection?: boolean;
  /** It serves webhooks, and so registers them and keeps certificates. */
  readonly webhooks?: boolean;
  /** What its reconcilers do besides. */
  readonly more?: readonly PolicyRule[];
}

const READ = ['get', 'list', 'watch'] as const;
const WRITE = ['create', 'delete', 'patch', 'update'] as const;

/** What an operator has to be allowed, of what its controllers declare: objects they are for, what they own, and what they read. */
export function rbacRules({
  controllers,
  leaderElection = false,
  webhooks = false,
  more = [],
}: Omit<RbacOptions, 'name' | 'namespace'>): PolicyRule[] {
  const verbs = new Map<string, { readonly group: string; readonly resource: string; readonly verbs: Set<string> }>();
  const allow = (group: string, resource: string, wanted: readonly string[]): void => {
    const key = `${group}/${resource}`;
    const known = verbs.get(key) ?? { group, resource, verbs: new Set<string>() };
    verbs.set(key, known);
    for (const verb of wanted) known.verbs.add(verb);
  };
  for (const { for: kind, owns = [], watches = [] } of controllers) {
    allow(kind.group, kind.resource, [...READ, 'patch', 'update']);
    allow(kind.group, `${kind.resource}/status`, ['get', 'patch', 'update']);
    allow(kind.group, `${kind.resource}/finalizers`, ['update']);
    for (const owned of owns) allow(owned.group, owned.resource, [...READ, ...WRITE]);
    for (const watched of watches) allow(watched.kind.group, watched.kind.resource, READ);
  }
  // Of the core group: that is where `EventRecorder` writes.
  allow('', 'events', ['create', 'patch']);
  if (leaderElection) allow('coordination.k8s.io', 'leases', ['get', 'create', 'update']);
  if (webhooks) allowWebhooks(allow);
  const rules = [...verbs.values()].map((each) => ({
    apiGroups: [each.group],
    resources: [each.resource],
    verbs: [...each.verbs].sort(),
  }));
  return [...merged(rules), ...more];
}

function allowWebhooks(allow: (group: string, resource: string, verbs: readonly string[]) => void): void {
  const configurations = ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'];
  for (const resource of configurations) allow('admissionregistration.k8s.io', resource, ['get', 'create', 'update']);
  allow('apiextensions.k8s.io', 'customresourcedefinitions', ['get', 'patch']);
  allow('', 'secrets', ['get', 'create', 'update']);
}

interface Rule {
  readonly apiGroups: string[];
  readonly resources: string[];
  readonly verbs: string[];
}

/** Resources of one group with the same verbs share a rule. */
function merged(rules: readonly Rule[]): Rule[] {
  const shared = new Map<string, Rule>();
  for (const rule of rules) {
    const key = `${rule.apiGroups.join()} ${rule.verbs.join()}`;
    const known = shared.get(key);
    if (known) known.resources.push(...rule.resources);
    else shared.set(key, { ...rule, resources: [...rule.resources] });
  }
  return [...shared.values()];
}

/** ServiceAccount, ClusterRole and ClusterRoleBinding of an operator, as manifests. */
export function rbacManifests(options: RbacOptions): readonly KubernetesObject[] {
  const { name, namespace } = options;
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const role: KubernetesObject & { readonly rules: PolicyRule[] } = {
    apiVersion,
    kind: 'ClusterRole',
    metadata: { name },
    rules: rbacRules(options),
  };
  const binding = {
    apiVersion,
    kind: 'ClusterRoleBinding',
    metadata: { name },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'ServiceAccount', name, namespace }],
  };
  return [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } }, role, binding];
}
