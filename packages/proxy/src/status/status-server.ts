import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { errorMessage, type Logger, type Runnable } from '@keelson/base';
import { mergeMetrics } from './merge-metrics.ts';
import type { ProxyHealth } from './proxy-health.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';

/** What a `ServiceProxy` says of itself. */
export interface ProxyStatus {
  readonly health: ProxyHealth;
  readonly metrics: ProxyMetrics;
}

export interface StatusServerDependencies {
  /** The proxies of the node, one for each IP family that it has: it is as healthy as the least healthy one. */
  readonly proxies: readonly ProxyStatus[];
  readonly mode: string;
  readonly logger: Logger;
}

export interface StatusServerOptions {
  /** Where `/healthz` and `/livez` are answered; the address that kube-proxy takes is `0.0.0.0`, the port 10256. */
  readonly health?: { readonly address: string; readonly port: number };
  /** Where `/metrics`, `/proxyMode` and `/healthz` of the process are answered; kube-proxy takes `127.0.0.1` and 10249. */
  readonly metrics?: { readonly address: string; readonly port: number };
}

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

type Routes = Readonly<Record<string, () => Answer>>;

/** Says over HTTP how the proxies of a node are doing. A port that is taken is logged and left alone: services are served all the same. */
export class StatusServer implements Runnable {
  readonly name = 'service-proxy-status';
  readonly #deps: StatusServerDependencies;
  readonly #options: StatusServerOptions;
  readonly #servers: Server[] = [];

  constructor(deps: StatusServerDependencies, options: StatusServerOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** The ports that are listened on, for options that ask for any that is free. */
  get ports(): readonly number[] {
    return this.#servers.flatMap((server) => {
      const address = server.address();
      return address && typeof address === 'object' ? [address.port] : [];
    });
  }

  async start(): Promise<void> {
    if (this.#options.health) await this.#listen(this.#options.health, this.#healthRoutes());
    if (this.#options.metrics) await this.#listen(this.#options.metrics, this.#metricsRoutes());
  }

  async stop(): Promise<void> {
    await Promise.all(
      this.#servers.splice(0).map(async (server) => {
        const closed = once(server, 'close');
        server.close();
        server.closeAllConnections();
        await closed;
      }),
    );
  }

  async #listen({ address, port }: { readonly address: string; readonly port: number }, routes: Routes): Promise<void> {
    const server = createServer(({ url = '/' }, response) => {
      const { code, type, body } = routes[new URL(url, 'http://proxy').pathname]?.() ?? NOT_FOUND;
      response.writeHead(code, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
    });
    try {
      server.listen({ port, host: address, exclusive: true });
      await once(server, 'listening');
      server.on('error', () => undefined);
      this.#servers.push(server);
    } catch (error) {
      this.#deps.logger.warn('status is not served', { address, port, error: errorMessage(error) });
    }
  }

  #healthRoutes(): Routes {
    const { proxies } = this.#deps;
    const answer = (path: 'healthz' | 'livez', isFine: (health: ProxyHealth) => boolean): Answer => {
      const worst = proxies.find(({ health }) => !isFine(health)) ?? proxies[0];
      const code = worst && isFine(worst.health) ? 200 : 503;
      // Of no family: told by the first one.
      proxies[0]?.metrics.answered(path, code);
      return { code, type: 'application/json', body: worst?.health.text(path === 'healthz') ?? '{}' };
    };
    return {
      '/healthz': () => answer('healthz', (health) => health.isHealthy && health.nodeEligible),
      '/livez': () => answer('livez', (health) => health.isHealthy),
    };
  }

  #metricsRoutes(): Routes {
    const { proxies, mode } = this.#deps;
    const text = (body: string): Answer => ({ code: 200, type: 'text/plain; charset=utf-8', body });
    const metricsText = (): string => mergeMetrics(proxies.map(({ metrics }) => metrics.text()));
    return {
      '/metrics': () => ({ code: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metricsText() }),
      '/proxyMode': () => text(mode),
      '/healthz': () => text('ok'),
    };
  }
}

const NOT_FOUND: Answer = { code: 404, type: 'text/plain; charset=utf-8', body: '404 page not found\n' };
