import type { Kind, KubernetesObject } from '@keelson/api';
import { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '@keelson/api/rbac/v1';
import type { Clock, Logger } from '@keelson/base';
import type { Transport } from '@keelson/client';
import { Mirror, type MirrorListener } from './mirror.ts';
import type { RoleSource } from './rbac.ts';
import { RoleIndex } from './role-index.ts';

/** Roles and bindings as the API holds them. */
export class RbacMirror {
  readonly #index = new RoleIndex();
  readonly #mirrors: readonly Pick<Mirror<KubernetesObject>, 'ready' | 'stop'>[];

  constructor(dependencies: { readonly transport: () => Transport; readonly clock: Clock; readonly logger: Logger }) {
    const index = this.#index;
    const mirror = <T extends KubernetesObject>(kind: Kind<T>, listener: MirrorListener<T>): Mirror<T> =>
      new Mirror(kind, dependencies, listener);
    const roles: MirrorListener<Role | ClusterRole> = {
      put: (role) => index.putRole(role),
      drop: (role) => index.dropRole(role),
    };
    const bindings: MirrorListener<RoleBinding | ClusterRoleBinding> = {
      put: (binding, before) => {
        if (before) index.dropBinding(before);
        index.putBinding(binding);
      },
      drop: (binding) => index.dropBinding(binding),
    };
    this.#mirrors = [
      mirror(ClusterRole, roles),
      mirror(Role, roles),
      mirror(ClusterRoleBinding, bindings),
      mirror(RoleBinding, bindings),
    ];
  }

  /** What is known of them at any time. */
  get roles(): RoleSource {
    return this.#index;
  }

  async ready(): Promise<void> {
    await Promise.all(this.#mirrors.map((mirror) => mirror.ready()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#mirrors.map((mirror) => mirror.stop()));
  }
}
