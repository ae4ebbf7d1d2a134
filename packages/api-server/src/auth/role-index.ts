import { nameOf, namespaceOf } from '@keelson/api';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '@keelson/api/rbac/v1';
import type { RoleSource } from './rbac.ts';

type Binding = RoleBinding | ClusterRoleBinding;
/** By namespace, then by subject. */
type BySubject = Map<string, Map<string, Set<Binding>>>;

const NONE: readonly Binding[] = [];

/**
 * Roles by name and bindings by subject, so that what a user may do is found without looking at what others may. Cluster roles and their
 * bindings are in the namespace ''.
 */
export class RoleIndex implements RoleSource {
  readonly #rules = new Map<string, Map<string, readonly PolicyRule[]>>();
  readonly #users: BySubject = new Map();
  readonly #groups: BySubject = new Map();

  rules(namespace: string, name: string): readonly PolicyRule[] {
    return this.#rules.get(namespace)?.get(name) ?? [];
  }

  userBindings(namespace: string, user: string): Iterable<Binding> {
    return this.#users.get(namespace)?.get(user) ?? NONE;
  }

  groupBindings(namespace: string, group: string): Iterable<Binding> {
    return this.#groups.get(namespace)?.get(group) ?? NONE;
  }

  putRole(role: Role | ClusterRole): void {
    const namespace = namespaceOf(role);
    const inNamespace = this.#rules.get(namespace) ?? new Map<string, readonly PolicyRule[]>();
    this.#rules.set(namespace, inNamespace.set(nameOf(role), role.rules ?? []));
  }

  dropRole(role: Role | ClusterRole): void {
    this.#rules.get(namespaceOf(role))?.delete(nameOf(role));
  }

  putBinding(binding: Binding): void {
    for (const [bySubject, namespace, name] of this.#placesOf(binding)) {
      const inNamespace = bySubject.get(namespace) ?? new Map<string, Set<Binding>>();
      bySubject.set(namespace, inNamespace);
      inNamespace.set(name, (inNamespace.get(name) ?? new Set()).add(binding));
    }
  }

  /** The very object that was put. */
  dropBinding(binding: Binding): void {
    for (const [bySubject, namespace, name] of this.#placesOf(binding)) {
      const bindings = bySubject.get(namespace)?.get(name);
      bindings?.delete(binding);
      if (bindings?.size === 0) bySubject.get(namespace)?.delete(name);
    }
  }

  #placesOf(binding: Binding): readonly (readonly [BySubject, namespace: string, subject: string])[] {
    const namespace = namespaceOf(binding);
    return (binding.subjects ?? []).flatMap(({ kind, name, namespace: home = namespace }) => {
      if (kind === 'User') return [[this.#users, namespace, name] as const];
      if (kind === 'Group') return [[this.#groups, namespace, name] as const];
      return kind === 'ServiceAccount' ? [[this.#users, namespace, `system:serviceaccount:${home}:${name}`] as const] : [];
    });
  }
}
