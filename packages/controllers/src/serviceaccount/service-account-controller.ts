import { Namespace, ServiceAccount } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { fromInformer, type Informer, type NamespacedName, type Reconciler } from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { isNamespaceActive, isNamespaceTerminating } from '../namespace-state.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const DEFAULT = 'default';

interface Dependencies {
  readonly client: Client;
  readonly namespaces: Informer<Namespace>;
  /** Those named `default` are enough. */
  readonly serviceAccounts: Informer<ServiceAccount>;
}

/** Gives each active namespace its service account `default`, again if it is deleted. Keys are namespaces. */
class DefaultServiceAccounts implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<void> {
    const { client, namespaces, serviceAccounts } = this.#dependencies;
    const namespace = namespaces.get(name);
    if (!namespace || !isNamespaceActive(namespace) || serviceAccounts.get(DEFAULT, name)) return;
    try {
      await client.resource(ServiceAccount).create({ metadata: { name: DEFAULT, namespace: name } });
    } catch (error) {
      // Someone was faster, or the namespace is gone or going: all is well, or an event will tell.
      if (!isReason(error, 'AlreadyExists', 'NotFound') && !isNamespaceTerminating(error)) throw error;
    }
  }
}

/** `serviceaccount-controller`. */
export const serviceAccountController: ControllerFactory = (context) => {
  const { client, informers } = context;
  const namespaces = informers.for(Namespace);
  const serviceAccounts = informers.for(ServiceAccount, { fieldSelector: `metadata.name=${DEFAULT}` });
  return reconcilingController(context, {
    name: 'serviceaccount-controller',
    reconciler: new DefaultServiceAccounts({ client, namespaces, serviceAccounts }),
    sources: [
      fromInformer(namespaces),
      fromInformer(
        serviceAccounts,
        ({ metadata }) => [{ namespace: '', name: metadata?.namespace ?? '' }],
        ({ type }) => type === 'deleted',
      ),
    ],
  });
};
