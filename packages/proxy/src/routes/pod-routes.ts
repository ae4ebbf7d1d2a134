import type { Node } from '@keelson/api/core/v1';
import { Backoff, errorMessage, TaskGroup, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Subscription } from 'rxjs';
import { runCommand, type CommandRunner } from '../command-runner.ts';
import type { DeltaSource } from '../service-map-builder.ts';
import { planFor } from './desired-routes.ts';
import { PodTraffic } from './pod-traffic.ts';
import { RouteTable } from './route-table.ts';

export interface PodRoutesDependencies {
  readonly nodes: DeltaSource<Node>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: as children of this process. */
  readonly run?: CommandRunner;
}

export interface PodRoutesOptions {
  readonly nodeName: string;
  /** Where all pods of the cluster are. */
  readonly clusterCidrs: readonly string[];
  /** Tells the rules of nodes apart that share a machine. Default: the node's name. */
  readonly id?: string;
  /** How often to look at what is really there. Default 60,000. */
  readonly resyncMs?: number;
}

/**
 * Connects this node's pods with those of the other nodes, for networks in which all nodes reach each other directly: a route to each node's
 * pod CIDR by way of its internal address. And lets its pods out of the cluster under the node's own address. What it cannot do it tries
 * again, growing slower. Routes and rules stay when it stops; see `removePodRoutes`.
 */
export class PodRoutes implements Runnable {
  readonly name = 'pod-routes';
  readonly #deps: PodRoutesDependencies;
  readonly #options: PodRoutesOptions;
  readonly #table: RouteTable;
  readonly #traffic: PodTraffic;
  readonly #tasks: TaskGroup;
  readonly #backoff = new Backoff({ initialMs: 500, maxMs: 60_000, jitter: 0.1 });
  readonly #nodes = new Map<string, Node>();
  #subscription: Subscription | undefined;
  #resync: Disposable | undefined;
  #retry: Disposable | undefined;
  #isRunning = false;
  #isDue = false;
  #done = '';

  constructor(deps: PodRoutesDependencies, options: PodRoutesOptions) {
    const { run = runCommand } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#table = new RouteTable(run);
    this.#traffic = new PodTraffic(run, { id: options.id ?? options.nodeName, clusterCidrs: options.clusterCidrs });
    this.#tasks = new TaskGroup(deps.logger);
  }

  /** Resolves when all nodes are known; it goes on in the background. */
  async start(signal: AbortSignal): Promise<void> {
    this.#subscription = this.#deps.nodes.deltas$.subscribe((deltas) => {
      for (const { type, object } of deltas) {
        const name = object.metadata?.name ?? '';
        if (type === 'deleted') this.#nodes.delete(name);
        else this.#nodes.set(name, object);
      }
      this.#want();
    });
    await this.#deps.nodes.whenSynced(signal);
    this.#resync = this.#deps.clock.every(this.#options.resyncMs ?? 60_000, () => {
      this.#done = '';
      this.#want();
    });
  }

  async stop(): Promise<void> {
    this.#subscription?.unsubscribe();
    this.#resync?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    await this.#tasks.stop();
  }

  #want(): void {
    this.#isDue = true;
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#tasks.run('routes to pods', async (signal) => {
      while (this.#isDue && !signal.aborted) {
        this.#isDue = false;
        await this.#sync();
      }
      this.#isRunning = false;
    });
  }

  /** Never rejects. */
  async #sync(): Promise<void> {
    const { nodeName } = this.#options;
    try {
      const plan = planFor(nodeName, this.#nodes.values(), await this.#table.ownAddresses());
      // Nodes report every few seconds, nearly always without a change in this.
      if (JSON.stringify(plan) === this.#done) return;
      const problems = await this.#table.sync(plan.routes);
      await this.#traffic.sync(plan.ownCidrs);
      for (const { message } of problems) this.#deps.logger.warn(message, { node: nodeName });
      if (problems.length > 0) return this.#later();
      this.#done = JSON.stringify(plan);
      this.#backoff.reset();
    } catch (error) {
      this.#deps.logger.warn('routes to pods could not be made', { node: nodeName, error: errorMessage(error) });
      this.#later();
    }
  }

  #later(): void {
    this.#done = '';
    this.#retry?.[Symbol.dispose]();
    this.#retry = this.#deps.clock.after(this.#backoff.next(), () => this.#want());
  }
}

/** Removes the routes and rules of `PodRoutes` from this machine, once a node has no pods any more. `id` as they were made with. */
export async function removePodRoutes({
  id,
  run = runCommand,
}: {
  readonly id: string;
  readonly run?: CommandRunner;
}): Promise<void> {
  await new RouteTable(run).sync([]);
  await new PodTraffic(run, { id, clusterCidrs: [] }).cleanup();
}
