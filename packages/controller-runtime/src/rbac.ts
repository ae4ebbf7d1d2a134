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
  /** It works in these alone: roles of namespaces give what is in them, and the cluster role the rest. */
  readonly namespaces?: readonly string[];
  /** It elects a leader. */
  readonly leaderElection?: boolean;
  /** It serves webhooks, and so registers them and keeps certificates. */
  readonly webhooks?: boolean;
  /** What its reconcilers do besides. */
  readonly more?: readonly PolicyRule[];
}

type RuleOptions = Omit<RbacOptions, 'name' | 'namespace' | 'namespaces' | 'controllers'> & {
  readonly controllers: readonly (Omit<AnyDefinition, 'for'> & { readonly for?: Kind })[];
};

const GROUP = 'rbac.authorization.k8s.io';
const READ = ['get', 'list', 'watch'] as const;
const WRITE = ['create', 'delete', 'patch', 'update'] as const;

/** What an operator has to be allowed, of what its controllers declare: objects they are for, what they own, and what they read. */
export function rbacRules({ controllers, leaderElection = false, webhooks = false, more = [] }: RuleOptions): PolicyRule[] {
  const verbs = new Map<string, { readonly group: string; readonly resource: string; readonly verbs: Set<string> }>();
  const allow = (group: string, resource: string, wanted: readonly string[]): void => {
    const key = `${group}/${resource}`;
    const known = verbs.get(key) ?? { group, resource, verbs: new Set<string>() };
    verbs.set(key, known);
    for (const verb of wanted) known.verbs.add(verb);
  };
  for (const { for: kind, owns = [], watches = [] } of controllers) {
    if (kind) {
      allow(kind.group, kind.resource, [...READ, 'patch', 'update']);
      allow(kind.group, `${kind.resource}/status`, ['get', 'patch', 'update']);
      allow(kind.group, `${kind.resource}/finalizers`, ['update']);
    }
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

/** ServiceAccount, roles and bindings of an operator, as manifests. */
export function rbacManifests(options: RbacOptions): readonly KubernetesObject[] {
  const { name, namespace, namespaces } = options;
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
  if (!namespaces) return [account, ...roleAndBinding(options, undefined, rbacRules(options))];
  const [within, beyond] = separated(options);
  const scoped = namespaces.flatMap((each) => roleAndBinding(options, each, rbacRules(within)));
  // The lease, and the certificates of webhooks, are where the operator itself is.
  const own = rbacRules({
    controllers: [],
    leaderElection: options.leaderElection ?? false,
    webhooks: options.webhooks ?? false,
  });
  const ownRules = own.filter(({ apiGroups: [group = ''] = [] }) => group === '' || group === LEASES);
  // Events of objects that are in no namespace are in `default`.
  const needsEvents = options.controllers.some((definition) => !definition.for.namespaced);
  const others = [...rbacRules(beyond), ...own.filter((rule) => !ownRules.includes(rule))];
  const rules = others.filter((rule) => needsEvents || !isOfEvents(rule));
  return [
    account,
    ...scoped,
    ...(namespaces.includes(namespace) && ownRules.every(isOfEvents)
      ? []
      : roleAndBinding(options, namespace, ownRules, `${name}-own`)),
    ...(rules.length > 0 ? roleAndBinding(options, undefined, rules) : []),
  ];
}

const LEASES = 'coordination.k8s.io';

function isOfEvents({ resources }: PolicyRule): boolean {
  return resources?.join() === 'events';
}

/** What controllers do in namespaces, and what they do beyond them. */
function separated({ controllers, more }: RbacOptions): readonly [within: RuleOptions, beyond: RuleOptions] {
  const pick = (isNamespaced: boolean): RuleOptions['controllers'] =>
    controllers.flatMap((definition) => {
      const owns = (definition.owns ?? []).filter(({ namespaced }) => namespaced === isNamespaced);
      const watches = (definition.watches ?? []).filter(({ kind }) => kind.namespaced === isNamespaced);
      return [{ owns, watches, ...(definition.for.namespaced === isNamespaced && { for: definition.for }) }];
    });
  return [{ controllers: pick(true), ...(more && { more }) }, { controllers: pick(false) }];
}

function roleAndBinding(
  { name: operator, namespace: home }: RbacOptions,
  namespace: string | undefined,
  rules: readonly PolicyRule[],
  name = operator,
): readonly KubernetesObject[] {
  const prefix = namespace === undefined ? 'Cluster' : '';
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  const role: KubernetesObject & { readonly rules: readonly PolicyRule[] } = {
    apiVersion: `${GROUP}/v1`,
    kind: `${prefix}Role`,
    metadata,
    rules,
  };
  const binding = {
    apiVersion: `${GROUP}/v1`,
    kind: `${prefix}RoleBinding`,
    metadata,
    roleRef: { apiGroup: GROUP, kind: `${prefix}Role`, name },
    subjects: [{ kind: 'ServiceAccount', name: operator, namespace: home }],
  };
  return [role, binding];
}
