import type { Node, Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { Backoff, errorMessage, KeelsonError, type Clock, type Logger, type Runnable } from '@keelson/base';
import { Subscription } from 'rxjs';
import { HealthCheckServer } from './health-check-server.ts';
import type { ProxyMode, SyncReport } from './proxy-mode.ts';
import { serviceMaps$, type ChangeObserver, type DeltaSource } from './service-map-builder.ts';
import type { ServiceMap, ServiceMapOptions } from './service-map.ts';
import { ProxyHealth } from './status/proxy-health.ts';
import { ProxyMetrics } from './status/proxy-metrics.ts';

export interface ServiceProxyDependencies {
  readonly services: DeltaSource<Service>;
  readonly endpointSlices: DeltaSource<EndpointSlice>;
  /** For the zone of this node, which hints of endpoints are about. Default: that of the options. */
  readonly nodes?: DeltaSource<Node>;
  readonly mode: ProxyMode;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ServiceProxyOptions extends ServiceMapOptions {
  /** Changes within this time go into one sync. Default 10. */
  readonly coalesceMs?: number;
  /** Where health checks of load balancers are answered. Default: all addresses of the node. */
  readonly healthCheckAddress?: string;
  /** How often to look at what is really there. Default 60,000. */
  readonly resyncMs?: number;
}

const RESYNC_MS = 60_000;

/**
 * Keeps the packet path of one node equal to the Services. It runs one sync at a time, always to the newest map, and tries again with
 * growing delays (0.1 to 30 s) what failed.
 */
export class ServiceProxy implements Runnable {
  readonly name = 'service-proxy';
  /** Whether it keeps up. */
  readonly health: ProxyHealth;
  /** What it has done so far. */
  readonly metrics: ProxyMetrics;
  readonly #deps: ServiceProxyDependencies;
  readonly #options: ServiceProxyOptions;
  readonly #logger: Logger;
  readonly #healthChecks: HealthCheckServer;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 30_000, jitter: 0.1 });
  readonly #maps = new Subscription();
  /** When the changes of endpoints were made that the next sync takes up. */
  #triggers: number[] = [];
  #resync: Disposable | undefined;
  #retry: Disposable | undefined;
  #desired: ServiceMap | undefined;
  #due: 'none' | 'changes' | 'full' = 'none';
  #running: Promise<void> | undefined;
  #lastProblems = '';

  constructor(deps: ServiceProxyDependencies, options: ServiceProxyOptions) {
    this.#deps = deps;
    this.#options = options;
    const { family = 'IPv4', resyncMs = RESYNC_MS } = options;
    this.health = new ProxyHealth(deps.clock, 2 * resyncMs);
    this.metrics = new ProxyMetrics(deps.mode.name, family);
    const address = options.healthCheckAddress ?? (family === 'IPv6' ? '::' : '0.0.0.0');
    this.#healthChecks = new HealthCheckServer(address, () => this.health.isHealthy);
    this.#logger = deps.logger.child({ component: this.name, mode: deps.mode.name });
  }

  /** Resolves once the informers are synced and the first sync was tried. */
  async start(signal: AbortSignal): Promise<void> {
    const first = Promise.withResolvers<void>();
    const onAbort = (): void => first.reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#followNode();
    const maps = serviceMaps$({ ...this.#deps, observer: this.#observer }, this.#options).subscribe({
      next: (map) => {
        this.#desired = map;
        this.metrics.serves(map);
        this.#want('changes');
        void this.#running?.then(first.resolve);
      },
      error: (error: unknown) => first.reject(error),
      complete: () =>
        first.reject(new KeelsonError('ServiceUnavailable', 'Cannot start the service proxy: the informers have stopped')),
    });
    this.#maps.add(maps);
    this.#resync = this.#deps.clock.every(this.#options.resyncMs ?? RESYNC_MS, () => this.#want('full'));
    try {
      await first.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Also closes the mode. Rules in the kernel stay; see `ProxyMode.cleanup`. */
  async stop(): Promise<void> {
    this.#maps.unsubscribe();
    this.#resync?.[Symbol.dispose]();
    this.#desired = undefined;
    await this.#running;
    this.#retry?.[Symbol.dispose]();
    await this.#healthChecks.close();
    await this.#deps.mode.close();
  }

  #want(what: 'changes' | 'full'): void {
    if (this.#due !== 'full') this.#due = what;
    this.metrics.queued(this.#deps.clock.now());
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Asked for between the last look and now.
      if (this.#desired && this.#due !== 'none') this.#want(this.#due);
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#desired && this.#due !== 'none') {
      const full = this.#due === 'full';
      this.#due = 'none';
      this.#retry?.[Symbol.dispose]();
      try {
        this.#finished(await this.#sync(this.#desired, full));
      } catch (error) {
        this.#logger.error('services are not in sync', { error: errorMessage(error) });
        this.#retryLater('full');
      }
    }
  }

  async #sync(desired: ServiceMap, full: boolean): Promise<SyncReport> {
    const { clock, mode } = this.#deps;
    const startMs = clock.monotonic();
    const triggers = this.#triggers;
    this.#triggers = [];
    this.metrics.began();
    this.health.began();
    let failed = true;
    try {
      const unanswered = await this.#healthChecks.sync(desired);
      const report = await mode.sync(desired, { full });
      failed = false;
      this.health.updated();
      for (const triggeredAtMs of triggers) this.metrics.programmed(Math.max(0, clock.now() - triggeredAtMs) / 1000);
      return { ...report, problems: [...report.problems, ...unanswered] };
    } finally {
      if (failed) this.#triggers.push(...triggers);
      this.metrics.synced({ full, failed, seconds: (clock.monotonic() - startMs) / 1000 }, clock.now());
    }
  }

  get #observer(): ChangeObserver {
    return {
      serviceChanged: () => {
        this.metrics.changed('service');
        this.health.queued();
      },
      endpointsChanged: (triggeredAtMs) => {
        this.metrics.changed('endpoint');
        this.health.queued();
        if (triggeredAtMs !== undefined) this.#triggers.push(triggeredAtMs);
      },
    };
  }

  #followNode(): void {
    const { nodeName } = this.#options;
    const follow = this.#deps.nodes?.deltas$.subscribe((deltas) => {
      for (const { object, type } of deltas) {
        if (object.metadata?.name === nodeName) this.health.nodeIs(type === 'deleted' ? undefined : object);
      }
    });
    this.#maps.add(follow);
  }

  #finished(report: SyncReport): void {
    const problems = report.problems.map(({ service, message }) => (service ? `${service}: ${message}` : message)).join('; ');
    // Said once, not at each of the tries that follow.
    if (problems && problems !== this.#lastProblems) this.#logger.warn('services are not served', { problems });
    this.#lastProblems = problems;
    if (report.problems.some((problem) => !problem.lasting)) this.#retryLater('changes');
    else this.#backoff.reset();
  }

  #retryLater(what: 'changes' | 'full'): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = this.#deps.clock.after(this.#backoff.next(), () => this.#want(what));
  }
}
