import { keyOf, nameOf, notFound, type KubernetesObject } from '@keelson/api';
import type { Node, Pod } from '@keelson/api/core/v1';
import type { NodeMetrics, PodMetrics } from '@keelson/api/metrics/v1beta1';
import type { VirtualResource } from '@keelson/api-server';
import type { Clock, Logger, Runnable } from '@keelson/base';
import type { Informer } from '@keelson/controller-runtime';
import { NODE_METRICS, POD_METRICS } from './metrics-kinds.ts';
import { nodeMetrics, podMetrics } from './metrics-objects.ts';
import type { MetricsSource } from './metrics-source.ts';
import { MetricsStore } from './metrics-store.ts';
import { Scraper } from './scraper.ts';

export interface MetricsServerDependencies {
  readonly nodes: Pick<Informer<Node>, 'deltas$' | 'get' | 'list' | 'whenSynced'>;
  readonly pods: Pick<Informer<Pod>, 'get' | 'list' | 'whenSynced'>;
  readonly source: MetricsSource;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface MetricsServerOptions {
  /** How often each node is asked. Default 15,000. */
  readonly resolutionMs?: number;
  /** How long a kubelet may take to answer. Default 10,000. */
  readonly timeoutMs?: number;
  /** How many kubelets are asked at a time. Default 8. */
  readonly concurrency?: number;
}

/**
 * Collects what nodes and pods use from their kubelets and serves it as `metrics.k8s.io/v1beta1`, which `kubectl top` and autoscalers read. Nothing
 * is stored: after a start the first figures are there once each kubelet has answered twice.
 */
export class MetricsServer implements Runnable {
  readonly name = 'metrics-server';
  /** For `ApiServer.extend`. */
  readonly resources: readonly VirtualResource[];
  readonly #deps: MetricsServerDependencies;
  readonly #store: MetricsStore;
  readonly #scraper: Scraper;

  constructor(deps: MetricsServerDependencies, options: MetricsServerOptions = {}) {
    const { resolutionMs = 15_000, timeoutMs = 10_000, concurrency = 8 } = options;
    this.#deps = deps;
    this.#store = new MetricsStore(resolutionMs);
    this.#scraper = new Scraper({ ...deps, store: this.#store }, { resolutionMs, timeoutMs, concurrency });
    this.resources = [
      resourceOf(NODE_METRICS, {
        one: (name) => this.#ofNode(deps.nodes.get(name)),
        all: () => deps.nodes.list().map((node) => this.#ofNode(node)),
      }),
      resourceOf(POD_METRICS, {
        one: (name, namespace) => this.#ofPod(deps.pods.get(name, namespace)),
        all: (namespace) => deps.pods.list(namespace).map((pod) => this.#ofPod(pod)),
      }),
    ];
  }

  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#deps.nodes.whenSynced(signal), this.#deps.pods.whenSynced(signal)]);
    await this.#scraper.start();
  }

  async stop(): Promise<void> {
    await this.#scraper.stop();
  }

  #ofNode(node: Node | undefined): NodeMetrics | undefined {
    const used = node && this.#store.node(nameOf(node));
    return used && nodeMetrics(node, used, this.#deps.clock.now());
  }

  #ofPod(pod: Pod | undefined): PodMetrics | undefined {
    const used = pod && this.#store.pod(pod.spec?.nodeName ?? '', keyOf(pod));
    return used && podMetrics(pod, used, this.#deps.clock.now());
  }
}

interface Lookup<T> {
  one(name: string, namespace: string | undefined): T | undefined;
  all(namespace: string | undefined): readonly (T | undefined)[];
}

function resourceOf<T extends KubernetesObject>(definition: typeof NODE_METRICS, { one, all }: Lookup<T>): VirtualResource {
  const { group, kind, resource } = definition;
  return {
    group,
    resource,
    definition,
    get: async (name, { namespace }) => {
      const found = one(name, namespace);
      // In the words of metrics-server: they name the kind, and the namespace.
      if (!found)
        throw notFound({ group, resource: kind.toLowerCase() }, namespace === undefined ? name : `${namespace}/${name}`);
      return found;
    },
    list: async ({ namespace }) => {
      const found = all(namespace).filter((each) => each !== undefined);
      return found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    },
  };
}
