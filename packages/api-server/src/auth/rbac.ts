import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '@keelson/api/rbac/v1';
import type { UserInfo } from '../registry/strategy.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './contracts.ts';

/** Where roles and bindings come from: a cache that follows the API. */
export interface RoleSource {
  clusterRole(name: string): ClusterRole | undefined;
  role(namespace: string, name: string): Role | undefined;
  clusterRoleBindings(): Iterable<ClusterRoleBinding>;
  roleBindings(namespace: string): Iterable<RoleBinding>;
}

const MASTERS = 'system:masters';

/** Role-based access control (kubernetes.io/docs/reference/access-authn-authz/rbac). Members of `system:masters` may do anything. */
export class RbacAuthorizer implements Authorizer {
  readonly #roles: RoleSource;

  constructor(roles: RoleSource) {
    this.#roles = roles;
  }

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    if (attributes.user.groups.includes(MASTERS)) return { allowed: true };
    for (const rule of this.rulesOf(attributes.user, attributes.resource?.namespace)) {
      if (allows(rule, attributes)) return { allowed: true };
    }
    return { allowed: false };
  }

  /** All rules that hold for a user, cluster-wide and in `namespace`. */
  *rulesOf(user: UserInfo, namespace: string | undefined): Iterable<PolicyRule> {
    for (const binding of this.#roles.clusterRoleBindings()) {
      if (isBound(binding.subjects, user, '')) yield* this.#roles.clusterRole(binding.roleRef.name)?.rules ?? [];
    }
    if (namespace === undefined) return;
    for (const binding of this.#roles.roleBindings(namespace)) {
      if (!isBound(binding.subjects, user, namespace)) continue;
      const { kind, name } = binding.roleRef;
      const role = kind === 'ClusterRole' ? this.#roles.clusterRole(name) : this.#roles.role(namespace, name);
      yield* role?.rules ?? [];
    }
  }
}

function isBound(subjects: readonly Subject[] | undefined, user: UserInfo, bindingNamespace: string): boolean {
  return (subjects ?? []).some((subject) => isSubject(subject, user, bindingNamespace));
}

function isSubject(subject: Subject, user: UserInfo, bindingNamespace: string): boolean {
  if (subject.kind === 'User') return subject.name === user.name;
  if (subject.kind === 'Group') return user.groups.includes(subject.name);
  if (subject.kind !== 'ServiceAccount') return false;
  return user.name === `system:serviceaccount:${subject.namespace ?? bindingNamespace}:${subject.name}`;
}

function allows(rule: PolicyRule, { verb, resource, path }: AuthorizationAttributes): boolean {
  if (!matches(rule.verbs, verb)) return false;
  if (!resource) return (rule.nonResourceURLs ?? []).some((pattern) => matchesPath(pattern, path ?? ''));
  if (!matches(rule.apiGroups, resource.group)) return false;
  if (!matchesResource(rule.resources ?? [], resource.resource, resource.subresource)) return false;
  return !rule.resourceNames?.length || (resource.name !== undefined && rule.resourceNames.includes(resource.name));
}

function matches(values: readonly string[] | undefined, wanted: string): boolean {
  return values?.some((value) => value === '*' || value === wanted) ?? false;
}

/** `pods`, `pods/log`, `*`, and `*` before a subresource, which stands for that subresource of every resource. */
function matchesResource(values: readonly string[], resource: string, subresource: string | undefined): boolean {
  const wanted = subresource === undefined ? resource : `${resource}/${subresource}`;
  return values.some((value) => value === '*' || value === wanted || (subresource !== undefined && value === `*/${subresource}`));
}

/** Exact, or a prefix that ends in `*`. */
function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : pattern === path;
}
