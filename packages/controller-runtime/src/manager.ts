import { errorMessage, Lifecycle, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { Registry } from 'prom-client';
import { InformerFactory } from './informer-factory.ts';
import { LeaderElector, type LeaderElectionOptions } from './leader-election.ts';
import { leaderGauge } from './metrics.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Started by the manager, and stopped with it. A factory of its own if absent. */
  readonly informers?: InformerFactory;
  /** Runs what was added only while this process leads. */
  readonly leaderElection?: LeaderElectionOptions & {
    /** Called when the leadership is lost, after all has stopped. The manager does not run again: end the process, or make a new one. */
    readonly onLost?: () => void;
  };
  readonly metrics?: Registry;
}

/** Runs controllers and what they need, in order: informers first, then (as the leader, if asked) what was added, in the order of adding. */
export class Manager implements Runnable {
  readonly name = 'manager';
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly #dependencies: Dependencies;
  readonly #runnables: Lifecycle;
  readonly #elector: LeaderElector | undefined;
  readonly #late: Promise<void>[] = [];
  #lateRunnables: Runnable[] = [];
  /** Set while what was added runs. */
  #running: AbortSignal | undefined;
  #isStopping = false;

  constructor(dependencies: Dependencies) {
    const { client, clock, logger, informers, leaderElection } = dependencies;
    this.client = client;
    this.#dependencies = dependencies;
    this.informers = informers ?? new InformerFactory({ client, clock, logger });
    this.#runnables = new Lifecycle(logger);
    this.#elector = leaderElection && this.#electorOf(leaderElection);
  }

  /** Started with the manager, or at once if that is running; a late one that fails is logged. */
  add(runnable: Runnable): void {
    if (this.#isStopping) return;
    if (!this.#running) {
      this.#runnables.add(runnable);
      return;
    }
    this.#lateRunnables.push(runnable);
    this.#late.push(runnable.start(this.#running).catch((error: unknown) => this.#noteFailure(runnable, error)));
  }

  /** Resolves when the informers are synced and, unless a leader has to be elected first, all that was added has started. */
  async start(signal: AbortSignal): Promise<void> {
    await this.informers.start(signal);
    if (this.#elector) await this.#elector.start(signal);
    else await this.#startRunnables(signal);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#elector?.stop();
    await this.#stopRunnables();
    await this.informers.stop();
  }

  async #startRunnables(signal: AbortSignal): Promise<void> {
    this.#running = signal;
    await this.#runnables.start(signal);
  }

  async #stopRunnables(): Promise<void> {
    this.#running = undefined;
    await Promise.all(this.#late.splice(0));
    for (const runnable of this.#lateRunnables.splice(0).toReversed()) {
      await runnable.stop().catch((error: unknown) => this.#noteFailure(runnable, error));
    }
    await this.#runnables.stop();
  }

  #electorOf(options: NonNullable<Dependencies['leaderElection']>): LeaderElector {
    const { metrics } = this.#dependencies;
    const measure = metrics && leaderGauge(metrics, options.leaseName);
    measure?.(false);
    return new LeaderElector(this.#dependencies, {
      ...options,
      onStartedLeading: async (signal) => {
        measure?.(true);
        await this.#startRunnables(signal);
      },
      onStoppedLeading: async () => {
        measure?.(false);
        await this.#stopRunnables();
        if (!this.#isStopping) options.onLost?.();
      },
    });
  }

  #noteFailure(runnable: Runnable, error: unknown): void {
    this.#dependencies.logger.error('component failed', { component: runnable.name, error: errorMessage(error) });
  }
}
