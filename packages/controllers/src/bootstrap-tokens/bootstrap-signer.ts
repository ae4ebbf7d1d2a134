import { bootstrapTokenOf, BOOTSTRAP_TOKEN_TYPE, type BootstrapToken } from '@keelson/api';
import { ConfigMap, Secret } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import { fromInformer, type Lister, type Reconciler, type ReconcileResult } from '@keelson/controller-runtime';
import { comeBackAfter } from '../come-back.ts';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { detachedSignature } from './detached-signature.ts';

const NAME = 'bootstrap-signer-controller';
const CLUSTER_INFO = { name: 'cluster-info', namespace: 'kube-public' };
const SIGNATURE = 'jws-kubeconfig-';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly configMaps: Lister<ConfigMap>;
  readonly secrets: Lister<Secret>;
}

/** Keeps one signature of `cluster-info` for each token that is for signing and still good, and no other. */
class Signer implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(): Promise<ReconcileResult> {
    const { client, clock, configMaps } = this.#dependencies;
    const info = configMaps.get(CLUSTER_INFO.name, CLUSTER_INFO.namespace);
    const { kubeconfig } = info?.data ?? {};
    if (!info || kubeconfig === undefined) return {};
    const tokens = this.#tokens();
    const others = Object.entries(info.data ?? {}).filter(([key]) => !key.startsWith(SIGNATURE));
    const signatures = await Promise.all(
      tokens.map(async (token) => [`${SIGNATURE}${token.id}`, await detachedSignature(kubeconfig, token)] as const),
    );
    const data = Object.fromEntries([...others, ...signatures]);
    if (!isSame(data, info.data ?? {})) await client.resource(ConfigMap).update({ ...info, data });
    return comeBackAfter(...tokens.map(({ expiresMs }) => expiresMs && expiresMs - clock.now()));
  }

  #tokens(): readonly BootstrapToken[] {
    const nowMs = this.#dependencies.clock.now();
    return this.#dependencies.secrets.list().flatMap((secret) => {
      const token = secret.metadata?.deletionTimestamp === undefined ? bootstrapTokenOf(secret) : undefined;
      return token?.usages.includes('signing') && (token.expiresMs ?? Infinity) > nowMs ? [token] : [];
    });
  }
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}

/**
 * `bootstrap-signer-controller`: signs the ConfigMap `cluster-info` of `kube-public` with each bootstrap token, so that whoever has a token
 * knows the cluster for the right one.
 */
export const bootstrapSignerController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const configMaps = informers.for(ConfigMap, {
    namespace: CLUSTER_INFO.namespace,
    fieldSelector: `metadata.name=${CLUSTER_INFO.name}`,
  });
  const secrets = informers.for(Secret, { namespace: 'kube-system', fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}` });
  const reconciler = new Signer({ client, clock, configMaps, secrets });
  const always = (): readonly (typeof CLUSTER_INFO)[] => [CLUSTER_INFO];
  const sources = [fromInformer(configMaps, always), fromInformer(secrets, always)];
  return reconcilingController(context, { name: NAME, reconciler, sources });
};
