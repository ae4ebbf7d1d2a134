import { bootstrapTokenExpiry, BOOTSTRAP_TOKEN_TYPE, uidOf } from '@keelson/api';
import { Secret } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const NAME = 'token-cleaner-controller';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly secrets: Lister<Secret>;
}

class Cleaner implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name, namespace }: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, secrets } = this.#dependencies;
    const secret = secrets.get(name, namespace);
    const expiresMs = secret && bootstrapTokenExpiry(secret);
    if (!secret || expiresMs === undefined) return {};
    const waitMs = expiresMs - clock.now();
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    // One that was made to last longer in the meantime stays.
    const { resourceVersion } = secret.metadata ?? {};
    const preconditions = { uid: uidOf(secret), ...(resourceVersion !== undefined && { resourceVersion }) };
    try {
      await client.resource(Secret).delete({ name, ...(namespace !== undefined && { namespace }) }, { preconditions });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }
}

/** `token-cleaner-controller`: deletes bootstrap tokens when their time is over. */
export const tokenCleanerController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const secrets = informers.for(Secret, { namespace: 'kube-system', fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}` });
  const reconciler = new Cleaner({ client, clock, secrets });
  return reconcilingController(context, { name: NAME, reconciler, sources: [fromInformer(secrets)] });
};
