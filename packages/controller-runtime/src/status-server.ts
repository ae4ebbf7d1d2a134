import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorMessage, SystemClock, type Clock, type Runnable } from '@keelson/base';

/** Rejects, or throws, with what is wrong. */
export type Check = () => Promise<void> | void;

/** A `Registry` of prom-client is one. */
export interface MetricsText {
  readonly contentType: string;
  metrics(): Promise<string> | string;
}

export interface StatusServerOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** All addresses if absent, as probes and scrapes come from outside the pod. */
  readonly host?: string;
  readonly metrics?: MetricsText;
  /** By name; a name may be asked for by itself, as `/readyz/NAME`. */
  readonly liveness?: Readonly<Record<string, Check>>;
  readonly readiness?: Readonly<Record<string, Check>>;
  /** By which checks take too long. The machine's if absent. */
  readonly clock?: Clock;
}

/** Longest time that a check may take. */
const CHECK_MS = 5_000;

/** Serves `/metrics`, `/healthz` and `/readyz` over HTTP, for probes and Prometheus. */
export class StatusServer implements Runnable {
  readonly name = 'status server';
  readonly #options: StatusServerOptions;
  readonly #server: Server;

  constructor(options: StatusServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { port, host } = this.#options;
    this.#server.listen({ port, ...(host !== undefined && { host }) });
    await once(this.#server, 'listening', { signal });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve({ url = '/', method }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, page = '', name] = new URL(url, 'http://status').pathname.split('/');
    const { metrics, liveness = {}, readiness = {}, clock = new SystemClock() } = this.#options;
    if (method !== 'GET' && method !== 'HEAD') return answer(response, 405, 'method not allowed');
    if (page === 'healthz' || page === 'livez') return respond(response, clock, { checks: liveness, name });
    if (page === 'readyz') return respond(response, clock, { checks: readiness, name });
    if (page !== 'metrics' || !metrics) return answer(response, 404, 'not found');
    try {
      answer(response, 200, await metrics.metrics(), metrics.contentType);
    } catch (error) {
      answer(response, 500, errorMessage(error));
    }
  }
}

interface Asked {
  readonly checks: Readonly<Record<string, Check>>;
  readonly name: string | undefined;
}

async function respond(response: ServerResponse, clock: Clock, { checks, name }: Asked): Promise<void> {
  const asked = name === undefined ? Object.entries(checks) : Object.entries(checks).filter(([each]) => each === name);
  if (name !== undefined && asked.length === 0) return answer(response, 404, `no check "${name}"`);
  const lines = await Promise.all(asked.map(async ([each, check]) => [each, await failureOf(check, clock)] as const));
  const failed = lines.some(([, failure]) => failure !== undefined);
  const text = lines.map(([each, failure]) => (failure === undefined ? `[+]${each} ok` : `[-]${each} failed: ${failure}`));
  answer(response, failed ? 500 : 200, failed ? `${text.join('\n')}\n` : 'ok');
}

async function failureOf(check: Check, clock: Clock): Promise<string | undefined> {
  const late = Promise.withResolvers<never>();
  using _timer = clock.after(CHECK_MS, () => late.reject(new Error(`it took longer than ${CHECK_MS} ms`)));
  try {
    await Promise.race([check(), late.promise]);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}

function answer(response: ServerResponse, status: number, body: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
}
