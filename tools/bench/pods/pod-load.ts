import { setTimeout as sleep } from 'node:timers/promises';
import { Pod, ServiceAccount, type ResourceRequirements } from '@keelson/api/core/v1';
import { silentLogger, SystemClock } from '@keelson/base';
import { createClient, httpsTransport, loadKubeconfig, type Client, type Transport } from '@keelson/client';
import { InformerFactory, type Informer } from '@keelson/controller-runtime';

const namespace = 'default';
const DEADLINE_MS = 300_000;

/** Makes pods on a cluster and sees them become what they should, by a watch. */
export class PodLoad {
  readonly #client: Client;
  readonly #transport: Transport;
  readonly #informers: InformerFactory;
  readonly #pods: Informer<Pod>;
  readonly #end = new AbortController();

  private constructor(client: Client, transport: Transport, informers: InformerFactory) {
    this.#client = client;
    this.#transport = transport;
    this.#informers = informers;
    this.#pods = informers.for(Pod, { namespace });
  }

  static async open(kubeconfig: string): Promise<PodLoad> {
    const transport = httpsTransport(loadKubeconfig(kubeconfig));
    const client = createClient(transport);
    const informers = new InformerFactory({ client, clock: new SystemClock(), logger: silentLogger });
    const load = new PodLoad(client, transport, informers);
    await informers.start(load.#end.signal);
    while (!(await client.resource(ServiceAccount).find({ name: 'default', namespace }))) await sleep(20);
    return load;
  }

  /**
   * Milliseconds from the call that creates it until it is seen running. It asks for as much of the processor as the kernel gives to whatever is in no
   * pod, such as a bare container: it would be the last to get anything on a busy machine otherwise.
   */
  async startOne(name: string): Promise<number> {
    const beganMs = performance.now();
    await this.#create(name, { requests: { cpu: '1' } });
    await this.#until(() => this.#running() === 1);
    return performance.now() - beganMs;
  }

  async startMany(prefix: string, count: number): Promise<{ readonly seconds: number }> {
    const there = this.#running();
    const beganMs = performance.now();
    await Promise.all(Array.from({ length: count }, (_, index) => this.#create(`${prefix}-${index}`)));
    await this.#until(() => this.#running() === there + count);
    return { seconds: (performance.now() - beganMs) / 1000 };
  }

  /** Seconds until all are gone. */
  async deleteAll(): Promise<number> {
    const beganMs = performance.now();
    const pods = this.#client.resource(Pod);
    const names = this.#pods.list().flatMap(({ metadata }) => metadata?.name ?? []);
    await Promise.all(names.map((name) => pods.delete({ namespace, name }, { gracePeriodSeconds: 1 })));
    await this.#until(() => this.#pods.list().length === 0);
    return (performance.now() - beganMs) / 1000;
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#informers.stop();
    await this.#transport.close();
  }

  #running(): number {
    return this.#pods.list().filter(({ status }) => status?.phase === 'Running').length;
  }

  async #create(name: string, resources: ResourceRequirements = {}): Promise<void> {
    const command = ['sh', '-c', "trap 'exit 0' TERM; sleep 1000000 & wait"];
    const container = { name: 'main', image: 'keelson/busybox:1', imagePullPolicy: 'IfNotPresent' as const, command, resources };
    await this.#client.resource(Pod).create({ metadata: { name, namespace }, spec: { containers: [container] } });
  }

  async #until(isSo: () => boolean): Promise<void> {
    await this.#pods.until(isSo, AbortSignal.any([this.#end.signal, AbortSignal.timeout(DEADLINE_MS)]));
  }
}
