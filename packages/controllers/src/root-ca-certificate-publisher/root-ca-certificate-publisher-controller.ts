import { deepEqual } from '@keelson/api';
import { ConfigMap, Namespace } from '@keelson/api/core/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import { fromInformer, type Informer, type NamespacedName, type Reconciler } from '@keelson/controller-runtime';
import type { ControllerFactory, ControllerOptions } from '../controller-context.ts';
import { isNamespaceActive, isNamespaceTerminating } from '../namespace-state.ts';
import { reconcilingController } from '../reconciling-controller.ts';

const NAME = 'kube-root-ca.crt';
const DESCRIPTION = 'kubernetes.io/description';
const DESCRIPTION_TEXT =
  'The certificates by which pods can verify the API server under the addresses that it has inside the cluster. It is not meant for anything else.';

interface Dependencies {
  readonly client: Client;
  readonly namespaces: Informer<Namespace>;
  /** Those named `kube-root-ca.crt` are enough. */
  readonly configMaps: Informer<ConfigMap>;
  readonly rootCa: string;
}

/** Keeps the ConfigMap `kube-root-ca.crt` as it must be in each active namespace. Keys are namespaces. */
class RootCaPublisher implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name: namespace }: NamespacedName): Promise<void> {
    const { namespaces, configMaps } = this.#dependencies;
    const place = namespaces.get(namespace);
    if (!place || !isNamespaceActive(place)) return;
    const known = configMaps.get(NAME, namespace);
    try {
      if (known) await this.#repair(known);
      else await this.#create(namespace);
    } catch (error) {
      if (!isReason(error, 'NotFound') && !isNamespaceTerminating(error)) throw error;
    }
  }

  async #create(namespace: string): Promise<void> {
    const annotations = { [DESCRIPTION]: DESCRIPTION_TEXT };
    await this.#configMaps.create({ metadata: { name: NAME, namespace, annotations }, data: this.#data });
  }

  async #repair(known: ConfigMap): Promise<void> {
    const annotations = known.metadata?.annotations;
    const isDescribed = (annotations?.[DESCRIPTION] ?? '') !== '';
    if (isDescribed && deepEqual(known.data, this.#data) && known.binaryData === undefined) return;
    const { binaryData: _binaryData, ...fixed } = structuredClone(known);
    fixed.data = this.#data;
    if (!isDescribed) fixed.metadata = { ...fixed.metadata, annotations: { ...annotations, [DESCRIPTION]: DESCRIPTION_TEXT } };
    await this.#configMaps.update(fixed);
  }

  get #configMaps() {
    return this.#dependencies.client.resource(ConfigMap);
  }

  get #data(): Record<string, string> {
    return { 'ca.crt': this.#dependencies.rootCa };
  }
}

/** `root-ca-certificate-publisher-controller`, for these certificates. */
export function rootCaCertificatePublisherController({ rootCa }: Pick<ControllerOptions, 'rootCa'>): ControllerFactory {
  return (context) => {
    const { client, informers } = context;
    const namespaces = informers.for(Namespace);
    const configMaps = informers.for(ConfigMap, { fieldSelector: `metadata.name=${NAME}` });
    return reconcilingController(context, {
      name: 'root-ca-certificate-publisher-controller',
      reconciler: new RootCaPublisher({ client, namespaces, configMaps, rootCa }),
      sources: [
        fromInformer(namespaces),
        fromInformer(configMaps, ({ metadata }) => [{ namespace: '', name: metadata?.namespace ?? '' }]),
      ],
    });
  };
}
