import type { Node, Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { Backoff, errorMessage, KeelsonError, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Subscription } from 'rxjs';
import { HealthCheckServer } from './health-check-server.ts';
import type { ProxyMode, SyncReport } from './proxy-mode.ts';
import { serviceMaps$, type DeltaSource } from './service-map-builder.ts';
import type { ServiceMap, ServiceMapOptions } from './service-map.ts';

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

/**
 * Keeps the packet path of one node equal to the Services. It runs one sync at a time, always to the newest map, and tries again with
 * growing delays (0.1 to 30 s) what failed.
 */
export class ServiceProxy implements Runnable {
  readonly name = 'service-proxy';
  readonly #deps: ServiceProxyDependencies;
  readonly #options: ServiceProxyOptions;
  readonly #logger: Logger;
  readonly #healthChecks: HealthCheckServer;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 30_000, jitter: 0.1 });
  #maps: Subscription | undefined;
  #resync: Disposable | undefined;
  #retry: Disposable | undefined;
  #desired: ServiceMap | undefined;
  #due: 'none' | 'changes' | 'full' = 'none';
  #running: Promise<void> | undefined;
  #lastProblems = '';

  constructor(deps: ServiceProxyDependencies, options: ServiceProxyOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#healthChecks = new HealthCheckServer(options.healthCheckAddress ?? (options.family === 'IPv6' ? '::' : '0.0.0.0'));
    this.#logger = deps.logger.child({ component: this.name, mode: deps.mode.name });
  }

  /** Resolves once the informers are synced and the first sync was tried. */
  async start(signal: AbortSignal): Promise<void> {
    const first = Promise.withResolvers<void>();
    const onAbort = (): void => first.reject(signal.reason);
    signal.throwIfAborted();
    signal.addEventListener('abort', onAbort, { once: true });
    this.#maps = serviceMaps$(this.#deps, this.#options).subscribe({
      next: (map) => {
        this.#desired = map;
        this.#want('changes');
        void this.#running?.then(first.resolve);
      },
      error: (error: unknown) => first.reject(error),
      complete: () =>
        first.reject(new KeelsonError('ServiceUnavailable', 'Cannot start the service proxy: the informers have stopped')),
    });
    this.#resync = this.#deps.clock.every(this.#options.resyncMs ?? 60_000, () => this.#want('full'));
    try {
      await first.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Also closes the mode. Rules in the kernel stay; see `ProxyMode.cleanup`. */
  async stop(): Promise<void> {
    this.#maps?.unsubscribe();
    this.#resync?.[Symbol.dispose]();
    this.#desired = undefined;
    await this.#running;
    this.#retry?.[Symbol.dispose]();
    await this.#healthChecks.close();
    await this.#deps.mode.close();
  }

  #want(what: 'changes' | 'full'): void {
    if (this.#due !== 'full') this.#due = what;
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
    const unanswered = await this.#healthChecks.sync(desired);
    const report = await this.#deps.mode.sync(desired, { full });
    return { ...report, problems: [...report.problems, ...unanswered] };
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
