import { Secret, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { Ingress, IngressClass } from '@keelson/api/networking/v1';
import { isReason, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder, Informer, InformerFactory } from '@keelson/controller-runtime';
import { createAuthority } from '@keelson/pki';
import type { Registry } from 'prom-client';
import { Subscription } from 'rxjs';
import type { AccessEntry } from './access-log.ts';
import { Backends } from './backends/backends.ts';
import { lookupElsewhere } from './backends/external-names.ts';
import { FrontEnd } from './front-end.ts';
import { IngressProxy } from './ingress-proxy.ts';
import { ingressMetrics } from './metrics.ts';
import { withDefaults, type FullIngressOptions, type IngressOptions } from './options.ts';
import { problemsOf, ProblemReporter } from './problems.ts';
import { buildRoutes, type Routes } from './routing/build-routes.ts';
import { DEFAULT_CLASS_ANNOTATION, isOwned } from './routing/ingress-class.ts';
import { RoutingTable } from './routing/routing-table.ts';
import { statusController } from './status.ts';
import { CertificateStore } from './tls/certificate-store.ts';
import { Http1Upstream } from './upstreams/http1-upstream.ts';
import { Http2Upstream } from './upstreams/http2-upstream.ts';

export interface IngressDependencies {
  readonly client: Client;
  /** Started by whoever made them. */
  readonly informers: InformerFactory;
  readonly events: Pick<EventRecorder, 'event'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics?: Registry | undefined;
}

/** Changes within this time are taken up together. */
const COALESCE_MS = 10;
const NOTHING: Routes = { table: new RoutingTable(), backends: new Map(), tls: [] };

/**
 * Serves the Ingresses of its classes: HTTP and HTTPS in front, endpoints of Services behind. Ask for it before the informers start. It
 * takes requests once it knows what there is.
 */
export class IngressController implements Runnable {
  readonly name = 'ingress';
  readonly #deps: IngressDependencies;
  readonly #options: FullIngressOptions;
  readonly #ingresses: Informer<Ingress>;
  readonly #classes: Informer<IngressClass>;
  readonly #secrets: Informer<Secret>;
  readonly #backends: Backends;
  readonly #certificates: CertificateStore;
  readonly #problems: ProblemReporter;
  readonly #status: Runnable;
  readonly #http1: Http1Upstream;
  readonly #http2: Http2Upstream;
  readonly #deltas = new Subscription();
  readonly #synced: readonly Pick<Informer<Ingress>, 'whenSynced'>[];
  #routes = NOTHING;
  #frontEnd: FrontEnd | undefined;
  #due: Disposable | undefined;

  constructor(deps: IngressDependencies, options: IngressOptions = {}) {
    const { informers, clock } = deps;
    this.#deps = deps;
    this.#options = withDefaults(options);
    this.#ingresses = informers.for(Ingress);
    this.#classes = informers.for(IngressClass);
    this.#secrets = informers.for(Secret, { fieldSelector: 'type=kubernetes.io/tls' });
    const [services, endpointSlices] = [informers.for(Service), informers.for(EndpointSlice)];
    this.#synced = [this.#ingresses, this.#classes, this.#secrets, services, endpointSlices];
    const { externalNames } = this.#options;
    const lookup = externalNames === true ? lookupElsewhere : externalNames || undefined;
    this.#backends = new Backends({ services, endpointSlices, clock, lookup });
    this.#certificates = new CertificateStore((name, namespace) => this.#secrets.get(name, namespace));
    this.#problems = new ProblemReporter(deps.events);
    this.#status = statusController(deps, this.#options, (ingress) => this.#isOwned(ingress));
    this.#http1 = new Http1Upstream(clock, this.#options);
    this.#http2 = new Http2Upstream(clock, this.#options);
  }

  /** Ports that clients come to, once started. */
  get ports(): { readonly http: number; readonly https: number } {
    return { http: this.#frontEnd?.httpPort ?? 0, https: this.#frontEnd?.httpsPort ?? 0 };
  }

  async start(signal: AbortSignal): Promise<void> {
    const fallback = await fallbackCertificate();
    await Promise.all(this.#synced.map((informer) => informer.whenSynced(signal)));
    await this.#ensureClass();
    this.#follow();
    this.#rebuild();
    this.#frontEnd = this.#makeFrontEnd(fallback);
    try {
      await this.#frontEnd.start(signal);
    } catch (error) {
      await this.stop();
      throw error;
    }
    await this.#status.start(signal);
  }

  /** Requests that are under way may end first, within `drainMs`. */
  async stop(): Promise<void> {
    await this.#status.stop();
    await this.#frontEnd?.stop();
    this.#deltas.unsubscribe();
    this.#backends.stop();
    this.#due?.[Symbol.dispose]();
    this.#http1.close();
    this.#http2.close();
  }

  #isOwned(ingress: Ingress): boolean {
    const { controllerName, className: legacyClass } = this.#options;
    return isOwned(ingress, this.#classes.list(), { controllerName, legacyClass });
  }

  async #ensureClass(): Promise<void> {
    const { className: name, controllerName: controller, createClass, isDefaultClass } = this.#options;
    if (!createClass || this.#classes.get(name)) return;
    const metadata = { name, ...(isDefaultClass && { annotations: { [DEFAULT_CLASS_ANNOTATION]: 'true' } }) };
    try {
      await this.#deps.client.resource(IngressClass).create({ metadata, spec: { controller } });
    } catch (error) {
      if (!isReason(error, 'AlreadyExists')) throw error;
    }
  }

  #follow(): void {
    const later = (): void => this.#rebuildLater();
    this.#deltas.add(this.#ingresses.deltas$.subscribe(later));
    this.#deltas.add(this.#classes.deltas$.subscribe(later));
    this.#deltas.add(this.#secrets.deltas$.subscribe(later));
    this.#backends.follow(later);
  }

  #rebuildLater(): void {
    this.#due ??= this.#deps.clock.after(COALESCE_MS, () => this.#rebuild());
  }

  #rebuild(): void {
    this.#due?.[Symbol.dispose]();
    this.#due = undefined;
    const ingresses = this.#ingresses.list().filter((ingress) => this.#isOwned(ingress));
    const routes = buildRoutes(ingresses);
    // Whoever matches the new table finds the backends.
    this.#backends.want(routes.backends);
    this.#certificates.sync(routes.tls);
    this.#routes = routes;
    const look = { backends: this.#backends, certificates: this.#certificates };
    this.#problems.report(ingresses.map((ingress) => ({ ingress, problems: problemsOf(ingress, look) })));
  }

  #makeFrontEnd(fallbackCertificateOfOurs: { readonly cert: string; readonly key: string }): FrontEnd {
    const { clock } = this.#deps;
    const deps = {
      routes: () => this.#routes.table,
      backends: this.#backends,
      http1: this.#http1,
      http2: this.#http2,
      clock,
      observe: this.#observer(),
    };
    const { trustForwarded, host } = this.#options;
    const proxy = new IngressProxy(deps, { trustForwarded, httpsPort: () => this.ports.https });
    return new FrontEnd(
      {
        serve: (exchange) => proxy.serve(exchange),
        upgrade: (exchange, client, head) => proxy.upgrade(exchange, client, head),
        certificateFor: (serverName) => this.#certificates.contextFor(serverName),
      },
      clock,
      { ...this.#options, host, fallbackCertificate: fallbackCertificateOfOurs },
    );
  }

  #observer(): (entry: AccessEntry) => void {
    const { metrics } = this.#deps;
    const { accessLog } = this.#options;
    const count = metrics && ingressMetrics(metrics, () => this.#frontEnd?.connections ?? 0);
    return (entry) => {
      count?.(entry);
      accessLog?.(entry);
    };
  }
}

/** For names that no Secret has a certificate for, and for clients that ask for none. */
async function fallbackCertificate(): Promise<{ readonly cert: string; readonly key: string }> {
  const authority = await createAuthority({ commonName: 'keelson-ingress-fallback' });
  const { certificate, privateKey } = await authority.issue({
    commonName: 'Keelson Ingress fallback certificate',
    dnsNames: ['ingress.invalid'],
    usages: ['server'],
  });
  return { cert: certificate, key: privateKey };
}
