import { ApiException, CoreV1Api, KubeConfig, type V1ConfigMap, type V1Pod } from '@kubernetes/client-node';
import { eventually } from '../testing/run.ts';

/** A cluster as client-node sees it. */
export class ClientWorld {
  readonly config = new KubeConfig();
  readonly core: CoreV1Api;
  /** Where the present test puts what it makes. */
  namespace = '';
  #count = 0;

  constructor(kubeconfig: string) {
    this.config.loadFromFile(kubeconfig);
    this.core = this.config.makeApiClient(CoreV1Api);
  }

  async nextNamespace(): Promise<void> {
    this.namespace = `client-${(this.#count += 1)}`;
    await this.core.createNamespace({ body: { metadata: { name: this.namespace } } });
  }

  createMap(name: string, data: Record<string, string> = {}): Promise<V1ConfigMap> {
    return this.core.createNamespacedConfigMap({ namespace: this.namespace, body: { metadata: { name }, data } });
  }

  /** A pod of this name that runs, and has printed three lines. */
  async runPod(name: string): Promise<V1Pod> {
    const { core, namespace } = this;
    const metadata = { name, annotations: { 'sim.keelson.dev/main.logs': 'one\ntwo\nthree' } };
    const spec = { containers: [{ name: 'main', image: 'busybox', stdin: true }] };
    await eventually('a service account', () => core.readNamespacedServiceAccount({ name: 'default', namespace }));
    await core.createNamespacedPod({ namespace, body: { metadata, spec } });
    return eventually('a running pod', async () => {
      const pod = await core.readNamespacedPod({ name, namespace });
      return pod.status?.phase === 'Running' && pod;
    });
  }
}

/** The HTTP status that a call failed with. */
export async function failureOf(call: Promise<unknown>): Promise<number | undefined> {
  const error = await call.then(
    () => undefined,
    (each: unknown) => each,
  );
  return error instanceof ApiException ? error.code : undefined;
}
