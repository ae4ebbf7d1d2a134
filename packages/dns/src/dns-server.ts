import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { KeelsonError, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Informer } from '@keelson/controller-runtime';
import { Subscription } from 'rxjs';
import { Forwarder } from './forward/forwarder.ts';
import { parseUpstream, type Upstream } from './forward/upstream.ts';
import { withDefaults, type DnsServerOptions, type FullDnsServerOptions } from './options.ts';
import { Resolver } from './resolver.ts';
import { DnsMetrics } from './server/dns-metrics.ts';
import { RequestHandler } from './server/request-handler.ts';
import { TcpListener } from './server/tcp-listener.ts';
import { UdpListener } from './server/udp-listener.ts';
import { ClusterZone } from './zone/cluster-zone.ts';
import { ZoneIndex } from './zone/zone-index.ts';

/** What of an informer the zone needs. */
export type DeltaSource<T extends Service | EndpointSlice> = Pick<Informer<T>, 'deltas$' | 'whenSynced'>;

export interface DnsServerDependencies {
  readonly services: DeltaSource<Service>;
  readonly endpointSlices: DeltaSource<EndpointSlice>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A free port may be taken for the other protocol. */
const PORT_ATTEMPTS = 10;

/**
 * Cluster DNS over UDP and TCP. It answers from when it has started; about the cluster's own names with SERVFAIL until both informers are
 * synced, so that nobody is told that a Service does not exist.
 */
export class DnsServer implements Runnable {
  readonly name = 'dns';
  readonly #deps: DnsServerDependencies;
  readonly #options: FullDnsServerOptions;
  readonly #metrics: DnsMetrics;
  readonly #index = new ZoneIndex();
  readonly #deltas = new Subscription();
  readonly #abort = new AbortController();
  readonly #forwarder: Forwarder | undefined;
  readonly #handler: RequestHandler;
  #udp: UdpListener | undefined;
  #tcp: TcpListener | undefined;
  #synced = false;

  /** Throws `BadRequest` for options that cannot be, such as itself as an upstream. */
  constructor(deps: DnsServerDependencies, options: DnsServerOptions = {}) {
    this.#deps = deps;
    this.#options = withDefaults(options);
    const { clock } = deps;
    const { zone, host, port, upstreams } = this.#options;
    this.#metrics = new DnsMetrics(`dns://${host === '0.0.0.0' || host === '::' ? '' : host}:${port}`);
    const servers = upstreams.map(parseUpstream);
    refuseOwnAddress(this.#options, servers);
    this.#forwarder = servers.length > 0 ? new Forwarder(clock, { ...this.#options, upstreams: servers }) : undefined;
    const clusterZone = new ClusterZone(this.#index, { ...this.#options, now: () => clock.now() });
    this.#handler = new RequestHandler({
      resolver: new Resolver({ zone: clusterZone, forwarder: this.#forwarder, isSynced: () => this.#synced }),
      metrics: this.#metrics,
      clock,
      logger: deps.logger.child({ component: this.name }),
      zoneOf: (key) => (clusterZone.holds(key) ? `${zone}.` : '.'),
      recursionAvailable: servers.length > 0,
      udpPayloadSize: this.#options.udpPayloadSize,
    });
  }

  /** The port of both protocols, once started. */
  get port(): number {
    return this.#udp?.port ?? this.#options.port;
  }

  /** Whether it knows what is in the cluster. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Under CoreDNS' names, in Prometheus' text format. */
  metrics(): string {
    return this.#metrics.text(this.#forwarder?.cache);
  }

  /** Resolves when both ports are open; it does not wait for the informers. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#follow();
    await this.#listen();
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    this.#deltas.unsubscribe();
    await this.#forwarder?.stop();
    await Promise.all([this.#udp?.close(), this.#tcp?.close()]);
  }

  #follow(): void {
    const { services, endpointSlices, logger } = this.#deps;
    const { signal } = this.#abort;
    this.#deltas.add(services.deltas$.subscribe((deltas) => this.#index.applyServices(deltas)));
    this.#deltas.add(endpointSlices.deltas$.subscribe((deltas) => this.#index.applySlices(deltas)));
    Promise.all([services.whenSynced(signal), endpointSlices.whenSynced(signal)]).then(
      () => (this.#synced = true),
      () => signal.aborted || logger.warn('informers have stopped before they were synced', { component: this.name }),
    );
  }

  async #listen(): Promise<void> {
    const { host, port, maxTcpConnections: maxConnections, tcpIdleTimeoutMs: idleTimeoutMs } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      this.#udp = await UdpListener.open(host, port, this.#handler);
      try {
        this.#tcp = await TcpListener.open(host, this.#udp.port, this.#handler, { maxConnections, idleTimeoutMs });
        return;
      } catch (error) {
        await this.#udp.close();
        if (port !== 0 || attempt === PORT_ATTEMPTS) throw error;
      }
    }
  }
}

/** A loop through other addresses is seen when the first question comes back. */
function refuseOwnAddress({ host, port }: FullDnsServerOptions, upstreams: readonly Upstream[]): void {
  const own = [host, ...(host === '0.0.0.0' ? ['127.0.0.1'] : []), ...(host === '::' ? ['::1', '127.0.0.1'] : [])];
  const loop = upstreams.find((upstream) => upstream.port === port && own.includes(upstream.host));
  if (loop) throw new KeelsonError('BadRequest', `Cannot forward to "${loop.host}": that is this server itself`);
}
