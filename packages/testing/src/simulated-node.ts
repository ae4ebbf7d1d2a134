import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayKubeletLabel } from '@keelson/api';
import { Node, Pod, Service } from '@keelson/api/core/v1';
import { isReason, KeelsonError, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { EventRecorder, InformerFactory } from '@keelson/controller-runtime';
import { Kubelet } from '@keelson/kubelet';
import { SimulatedRuntime } from '@keelson/runtime';

/** A node of a test cluster, if more than its name matters. */
export interface TestNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** `cpu`, `memory`, `ephemeral-storage`. Default: more than tests use. */
  readonly capacity?: Readonly<Record<string, string>>;
}

interface Dependencies {
  /** Acts as the node. */
  readonly client: Client;
  /** Gives the node what it may not give itself. */
  readonly admin: Client;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CAPACITY = { cpu: '32', memory: '256Gi', 'ephemeral-storage': '1Ti' };

/** A kubelet on a simulated runtime. Volumes of its pods are in a temporary directory, which goes with it. */
export class SimulatedNode implements Runnable {
  readonly name: string;
  readonly runtime: SimulatedRuntime;
  readonly #node: TestNode;
  readonly #index: number;
  readonly #deps: Dependencies;
  readonly #events: EventRecorder;
  readonly #informers: InformerFactory;
  #kubelet: Kubelet | undefined;
  #rootDir: string | undefined;

  constructor(node: TestNode, index: number, deps: Dependencies) {
    this.name = node.name;
    this.#node = node;
    this.#index = index;
    this.#deps = deps;
    this.runtime = new SimulatedRuntime({ clock: deps.clock, network: `10.244.${index}` });
    this.#informers = new InformerFactory(deps);
    this.#events = new EventRecorder({ ...deps, component: 'kubelet', host: node.name });
  }

  async start(signal: AbortSignal): Promise<void> {
    const { name, labels = {}, capacity = {} } = this.#node;
    const informers = this.#informers;
    await this.#label(Object.entries(labels).filter(([key]) => !mayKubeletLabel(key)));
    await informers.start(signal);
    this.#rootDir = await mkdtemp(join(tmpdir(), 'keelson-testing-'));
    const pods = informers.for(Pod, { fieldSelector: `spec.nodeName=${name}` });
    const services = informers.for(Service);
    this.#kubelet = new Kubelet(
      { ...this.#deps, runtime: this.runtime, events: this.#events, pods, services },
      {
        nodeName: name,
        // Simulated pods resolve nothing, and should not be warned about it.
        clusterDns: ['10.96.0.10'],
        rootDir: this.#rootDir,
        labels: Object.fromEntries(Object.entries(labels).filter(([key]) => mayKubeletLabel(key))),
        capacity: { ...CAPACITY, ...capacity },
        podCidr: this.#podCidr,
        serving: false,
      },
    );
    await this.#kubelet.start(signal);
  }

  /** Makes the node with these labels, as whoever puts it into the cluster does; its kubelet takes it over. */
  async #label(entries: readonly (readonly [key: string, value: string])[]): Promise<void> {
    if (entries.length === 0) return;
    const metadata = { name: this.name, labels: Object.fromEntries(entries) };
    const podCIDR = this.#podCidr;
    const nodes = this.#deps.admin.resource(Node);
    try {
      await nodes.create({ metadata, spec: { podCIDR, podCIDRs: [podCIDR] } });
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) throw error;
      await nodes.patch({ name: this.name }, 'merge', { metadata });
    }
  }

  get #podCidr(): string {
    return `10.244.${this.#index}.0/24`;
  }

  /** What its kubelet tells of what is used. */
  async resourceMetrics(): Promise<string> {
    if (!this.#kubelet) throw new KeelsonError('ServiceUnavailable', `${this.name} does not run`);
    return this.#kubelet.api.stats.resourceMetrics();
  }

  async stop(): Promise<void> {
    await this.#kubelet?.stop();
    await this.#informers.stop();
    await this.#events.stop();
    await this.runtime.close();
    if (this.#rootDir !== undefined) await rm(this.#rootDir, { recursive: true, force: true });
  }
}
