import { errorMessage, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Observable, Subscription } from 'rxjs';
import { Manager } from './manager.ts';

/** A cluster that an operator works on. */
export interface Cluster {
  readonly name: string;
  readonly client: Client;
}

/** Clusters come and go. */
export type ClusterChange =
  | { readonly type: 'joined'; readonly cluster: Cluster }
  | { readonly type: 'left'; readonly name: string };

interface Dependencies {
  /** Never errors. A cluster that joins under a name that is there takes the place of the other. */
  readonly clusters$: Observable<ClusterChange>;
  /** Adds to the manager what shall run on a cluster. */
  readonly setUp: (manager: Manager, cluster: Cluster) => void | Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Runs the same controllers on many clusters, each with a manager, caches and queues of its own: one that cannot be reached holds up no other.
 */
export class MultiClusterManager implements Runnable {
  readonly name = 'multi-cluster manager';
  readonly #dependencies: Dependencies;
  readonly #managers = new Map<string, Manager>();
  readonly #running = new AbortController();
  #subscription: Subscription | undefined;
  /** Joining and leaving happen one after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  /** The names of the clusters that are worked on. */
  get clusters(): readonly string[] {
    return [...this.#managers.keys()];
  }

  /** Resolves at once: clusters are joined as they come. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#subscription = this.#dependencies.clusters$.subscribe((change) => {
      this.#last = this.#last.then(() => (change.type === 'joined' ? this.#join(change.cluster) : this.#leave(change.name)));
    });
  }

  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#running.abort(new Error('the manager stops'));
    await this.#last;
    await Promise.all(this.clusters.map((name) => this.#leave(name)));
  }

  /** Never rejects. */
  async #join(cluster: Cluster): Promise<void> {
    await this.#leave(cluster.name);
    if (this.#running.signal.aborted) return;
    const { setUp, clock } = this.#dependencies;
    const logger = this.#dependencies.logger.child({ cluster: cluster.name });
    const manager = new Manager({ client: cluster.client, clock, logger });
    this.#managers.set(cluster.name, manager);
    try {
      await setUp(manager, cluster);
      // It syncs when the cluster can be reached; others do not wait for that.
      manager.start(this.#running.signal).catch((error: unknown) => {
        if (!this.#running.signal.aborted) logger.error('the manager of a cluster failed', { error: errorMessage(error) });
      });
    } catch (error) {
      logger.error('a cluster was not set up', { error: errorMessage(error) });
    }
  }

  async #leave(name: string): Promise<void> {
    const manager = this.#managers.get(name);
    this.#managers.delete(name);
    await manager?.stop().catch((error: unknown) => {
      this.#dependencies.logger.error('the manager of a cluster did not stop cleanly', {
        cluster: name,
        error: errorMessage(error),
      });
    });
  }
}
