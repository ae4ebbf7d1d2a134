import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { endpointText } from './endpoints.ts';
import type { SyncProblem } from './proxy-mode.ts';
import type { ServiceMap, ServicePort } from './service-map.ts';

interface Check {
  readonly port: number;
  readonly namespace: string;
  readonly name: string;
  readonly localEndpoints: number;
}

/**
 * Answers load balancers that ask, on a Service's `healthCheckNodePort`, whether this node has ready endpoints of it: with 200 if it has and 503
 * if not. For Services with `externalTrafficPolicy: Local`, whose traffic a node without endpoints drops. Endpoints that are terminating serve
 * until load balancers have taken the answer to heart.
 */
export class HealthCheckServer {
  readonly #address: string;
  readonly #isProxyHealthy: () => boolean;
  readonly #open = new Map<number, { readonly server: Server; check: Check }>();

  /** Listens on `address`; the unspecified one means all. A proxy that is not healthy has no endpoints to offer. */
  constructor(address: string, isProxyHealthy: () => boolean = () => true) {
    this.#address = address;
    this.#isProxyHealthy = isProxyHealthy;
  }

  /** Makes the answers those of `services`. What can't be listened on is a problem. */
  async sync(services: ServiceMap): Promise<readonly SyncProblem[]> {
    const checks = checksOf(services);
    for (const [port, { server }] of this.#open) {
      if (checks.has(port)) continue;
      this.#open.delete(port);
      await close(server);
    }
    const problems = await Promise.all([...checks.values()].map((check) => this.#serve(check)));
    return problems.filter((problem) => problem !== undefined);
  }

  async close(): Promise<void> {
    await this.sync(new Map());
  }

  async #serve(check: Check): Promise<SyncProblem | undefined> {
    const known = this.#open.get(check.port);
    if (known) {
      known.check = check;
      return undefined;
    }
    const server = createServer((_request, response) => {
      const { localEndpoints, namespace, name } = this.#open.get(check.port)?.check ?? check;
      const serviceProxyHealthy = this.#isProxyHealthy();
      response.writeHead(localEndpoints > 0 && serviceProxyHealthy ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(localEndpoints),
      });
      response.end(`${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy })}\n`);
    });
    try {
      // Beside the proxy of the other family, which listens on the same port.
      server.listen({ port: check.port, host: this.#address, exclusive: true, ipv6Only: this.#address.includes(':') });
      await once(server, 'listening');
      server.on('error', () => undefined);
      this.#open.set(check.port, { server, check });
      return undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return {
        service: `${check.namespace}/${check.name}`,
        message: `health checks on port ${check.port} are not answered: ${why}`,
      };
    }
  }
}

function checksOf(services: ServiceMap): Map<number, Check> {
  const withCheck = [...services.values()].filter((service) => service.healthCheckNodePort !== undefined);
  const byPort = Map.groupBy(withCheck, (service) => service.healthCheckNodePort ?? 0);
  return new Map([...byPort].map(([port, ports]) => [port, checkOf(port, ports)]));
}

function checkOf(port: number, ports: readonly ServicePort[]): Check {
  const ready = ports.flatMap(({ localEndpoints, localTerminating }) => (localTerminating ? [] : localEndpoints));
  const endpoints = new Set(ready.map((endpoint) => endpointText({ ...endpoint, port: 0 })));
  return { port, namespace: ports[0]?.namespace ?? '', name: ports[0]?.name ?? '', localEndpoints: endpoints.size };
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
