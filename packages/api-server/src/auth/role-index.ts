import { nameOf, namespaceOf } from '@keelson/api';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '@keelson/api/rbac/v1';
import type { UserInfo } from '../registry/strategy.ts';
import type { RoleSource } from './rbac.ts';

type Binding = RoleBinding | ClusterRoleBinding;

/**
 * Roles by name and bindings by subject, so that what a user may do is found without looking at what others may. Cluster roles and their
 * bindings are in the namespace ''.
 */
export class RoleIndex implements RoleSource {
  readonly #rules = new Map<string, Map<string, readonly PolicyRule[]>>();
  /** By namespace, then by subject. */
  readonly #bindings = new Map<string, Map<string, Set<Binding>>>();

  rules(namespace: string, name: string): readonly PolicyRule[] {
    return this.#rules.get(namespace)?.get(name) ?? [];
  }

  *bindings(user: UserInfo, namespace: string): Iterable<Binding> {
    const bySubject = this.#bindings.get(namespace);
    if (!bySubject) return;
    yield* bySubject.get(`u:${user.name}`) ?? [];
    for (const group of user.groups) yield* bySubject.get(`g:${group}`) ?? [];
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
    const namespace = namespaceOf(binding);
    const bySubject = this.#bindings.get(namespace) ?? new Map<string, Set<Binding>>();
    this.#bindings.set(namespace, bySubject);
    for (const key of subjectKeys(binding)) bySubject.set(key, (bySubject.get(key) ?? new Set()).add(binding));
  }

  /** The very object that was put. */
  dropBinding(binding: Binding): void {
    const bySubject = this.#bindings.get(namespaceOf(binding));
    for (const key of subjectKeys(binding)) {
      const bindings = bySubject?.get(key);
      bindings?.delete(binding);
      if (bindings?.size === 0) bySubject?.delete(key);
    }
  }
}

function subjectKeys(binding: Binding): readonly string[] {
  return (binding.subjects ?? []).flatMap((subject) => subjectKey(subject, namespaceOf(binding)) ?? []);
}

function subjectKey({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === 'User') return `u:${name}`;
  if (kind === 'Group') return `g:${name}`;
  return kind === 'ServiceAccount' ? `u:system:serviceaccount:${namespace ?? bindingNamespace}:${name}` : undefined;
}
