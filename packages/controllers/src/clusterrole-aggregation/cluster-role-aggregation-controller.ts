import { apiVersionOf, deepEqual } from '@keelson/api';
import { ClusterRole } from '@keelson/api/rbac/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { fromInformer, namespacedName, type Lister, type NamespacedName, type Reconciler } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { aggregatedRules } from './aggregated-rules.ts';

const NAME = 'clusterrole-aggregation-controller';

interface Dependencies {
  readonly client: Client;
  readonly roles: Lister<ClusterRole>;
}

/** Keeps the rules of the ClusterRoles that have an `aggregationRule`. */
class RoleAggregator implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<void> {
    const { client, roles } = this.#dependencies;
    const role = roles.get(name);
    if (!role?.aggregationRule || role.metadata?.deletionTimestamp !== undefined) return;
    const rules = aggregatedRules(role, roles.list());
    if (deepEqual(rules, role.rules ?? [])) return;
    // The uid keeps a role that is gone from being made again: a conflict, after which an event tells what is there.
    const applied = {
      apiVersion: apiVersionOf(ClusterRole),
      kind: ClusterRole.kind,
      metadata: { name, uid: role.metadata?.uid },
      rules,
    };
    try {
      await client.resource(ClusterRole).patch({ name }, 'apply', applied, { fieldManager: NAME, force: true });
    } catch (error) {
      if (!isReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

/** Puts the rules of ClusterRoles together that are chosen by labels. Any role may be part of any of them, and so each wakes all. */
export const clusterRoleAggregationController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const roles = informers.for(ClusterRole);
  const aggregated = () =>
    roles
      .list()
      .filter(({ aggregationRule }) => aggregationRule !== undefined)
      .map(namespacedName);
  return reconcilingController(context, {
    name: NAME,
    reconciler: new RoleAggregator({ client, roles }),
    sources: [fromInformer(roles, aggregated)],
  });
};
