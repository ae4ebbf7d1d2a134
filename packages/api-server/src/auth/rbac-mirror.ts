import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '@keelson/api/rbac/v1';
import type { Clock, Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { Mirror } from './mirror.ts';
import type { RoleSource } from './rbac.ts';

/** Roles and bindings as the API holds them. */
export class RbacMirror implements RoleSource {
  readonly #clusterRoles: Mirror<ClusterRole>;
  readonly #roles: Mirror<Role>;
  readonly #clusterRoleBindings: Mirror<ClusterRoleBinding>;
  readonly #roleBindings: Mirror<RoleBinding>;

  constructor(dependencies: { readonly transport: () => Transport; readonly clock: Clock; readonly logger: Logger }) {
    this.#clusterRoles = new Mirror(ClusterRole, dependencies);
    this.#roles = new Mirror(Role, dependencies);
    this.#clusterRoleBindings = new Mirror(ClusterRoleBinding, dependencies);
    this.#roleBindings = new Mirror(RoleBinding, dependencies);
  }

  async ready(): Promise<void> {
    await Promise.all(this.#all().map((mirror) => mirror.ready()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all().map((mirror) => mirror.stop()));
  }

  clusterRole(name: string): ClusterRole | undefined {
    return this.#clusterRoles.get(name);
  }

  role(namespace: string, name: string): Role | undefined {
    return this.#roles.get(name, namespace);
  }

  clusterRoleBindings(): Iterable<ClusterRoleBinding> {
    return this.#clusterRoleBindings.all();
  }

  roleBindings(namespace: string): Iterable<RoleBinding> {
    return this.#roleBindings.all(namespace);
  }

  #all(): readonly { ready(): Promise<void>; stop(): Promise<void> }[] {
    return [this.#clusterRoles, this.#roles, this.#clusterRoleBindings, this.#roleBindings];
  }
}
