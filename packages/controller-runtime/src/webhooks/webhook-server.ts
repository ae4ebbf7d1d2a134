import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { errorMessage, isReason, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import { ManagedCertificates, type CertificatesOptions, type ServingCertificate } from './certificates.ts';
import { registerWebhooks, type Registration, type WebhookAddress } from './registration.ts';

export interface WebhookServerOptions extends Omit<Registration, 'address'> {
  /** Default 9443; 0 for any that is free. */
  readonly port?: number;
  /** All addresses if absent. */
  readonly host?: string;
  /** How the API server reaches this one. By a URL on the port if absent, for an API server on the same machine. */
  readonly address?: WebhookAddress;
  /** Where certificates are kept. Their hosts are those of the address if absent. */
  readonly certificates: Omit<CertificatesOptions, 'hosts'> & { readonly hosts?: readonly string[] };
}

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** As large as the largest request that an API server takes, twice (old and new object), with some room. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Serves admission and conversion webhooks over HTTPS, with certificates that it makes, keeps in a Secret and renews, and registers them
 * with the API server; again whenever the authority changes. Start it before controllers.
 */
export class WebhookServer implements Runnable {
  readonly name = 'webhook server';
  readonly #deps: Dependencies;
  readonly #options: WebhookServerOptions;
  readonly #reviews = new Map<string, (body: never) => Promise<unknown>>();
  readonly #server: Server;
  readonly #certificates: ManagedCertificates;

  constructor(deps: Dependencies, options: WebhookServerOptions) {
    this.#deps = deps;
    this.#options = options;
    for (const each of [...options.admission, ...options.conversions]) this.#reviews.set(each.path, each.review);
    this.#server = createServer((request, response) => void this.#serve(request, response));
    const { certificates } = options;
    const hosts = certificates.hosts ?? hostsOf(this.#address);
    const onChange = (certificate: ServingCertificate): Promise<void> => this.#use(certificate);
    this.#certificates = new ManagedCertificates({ ...deps, onChange }, { ...certificates, hosts });
  }

  /** The port that it listens on. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? 0;
  }

  /** Resolves when the webhooks are served and registered. */
  async start(signal: AbortSignal): Promise<void> {
    const { port = 9443, host } = this.#options;
    this.#server.listen({ port, ...(host !== undefined && { host }) });
    await once(this.#server, 'listening', { signal });
    await this.#certificates.start(signal);
  }

  /** The registration stays: other replicas may serve it, and an API server that cannot ask must not let everything pass. */
  async stop(): Promise<void> {
    await this.#certificates.stop();
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  get #address(): WebhookAddress {
    return this.#options.address ?? { url: `https://127.0.0.1:${this.port}` };
  }

  /** Connections that are open go on with the certificate that they began with. */
  async #use({ certificate, privateKey, caBundle }: ServingCertificate): Promise<void> {
    this.#server.setSecureContext({ cert: certificate, key: privateKey });
    await registerWebhooks(this.#deps.client, { ...this.#options, address: this.#address }, caBundle);
    this.#deps.logger.info('webhooks are registered', { name: this.#options.name });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const review = this.#reviews.get(new URL(request.url ?? '/', 'https://webhook').pathname);
    if (!review) return answer(response, 404, { message: 'no such webhook' });
    if (request.method !== 'POST') return answer(response, 405, { message: 'a review is to be posted' });
    try {
      answer(response, 200, await review(JSON.parse(await read(request)) as never));
    } catch (error) {
      const isTheirs = error instanceof SyntaxError || isReason(error, 'BadRequest', 'RequestEntityTooLarge');
      if (!isTheirs) this.#deps.logger.error('a review failed', { error: errorMessage(error) });
      answer(response, isTheirs ? 400 : 500, { message: errorMessage(error) });
    }
  }
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new SyntaxError(`the body is larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function hostsOf(address: WebhookAddress): readonly string[] {
  if ('url' in address) return [new URL(address.url).hostname];
  const { name, namespace } = address.service;
  return [`${name}.${namespace}.svc`, `${name}.${namespace}`, name];
}
