import type { ClusterRoleBinding, PolicyRule, RoleBinding } from '@keelson/api/rbac/v1';
import type { UserInfo } from '../registry/strategy.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './contracts.ts';

/** Where roles and bindings come from: an index that follows the API. */
export interface RoleSource {
  /** Of a role of a namespace, or of the cluster role of ''; none if there is no such role. */
  rules(namespace: string, name: string): readonly PolicyRule[];
  /** Those of a namespace, or the cluster-wide ones of '', that name the user or a group of theirs; one may come more than once. */
  bindings(user: UserInfo, namespace: string): Iterable<RoleBinding | ClusterRoleBinding>;
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
    yield* this.#rulesIn('', user);
    if (namespace !== undefined) yield* this.#rulesIn(namespace, user);
  }

  *#rulesIn(namespace: string, user: UserInfo): Iterable<PolicyRule> {
    const seen = new Set<object>();
    for (const binding of this.#roles.bindings(user, namespace)) {
      if (seen.has(binding)) continue;
      seen.add(binding);
      const { kind, name } = binding.roleRef;
      yield* this.#roles.rules(kind === 'Role' ? namespace : '', name);
    }
  }
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
