import { createAuthority } from '@keelson/pki';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Loose } from './api-probe.ts';

/**
 * What a webhook of a test does with a review's request; it gives the response, but for the uid, or a promise of it; or an `httpCode` to
 * answer with.
 */
export type Handler = (request: Loose, path: string) => Loose;

/** A webhook over real HTTPS. */
export class WebhookServer implements AsyncDisposable {
  /** The certificate authority's, in base64 as `caBundle` has it. */
  readonly caBundle: string;
  readonly requests: Loose[] = [];
  connections = 0;
  readonly #server: Server;

  private constructor(server: Server, caBundle: string) {
    this.#server = server;
    this.caBundle = caBundle;
    server.on('secureConnection', () => (this.connections += 1));
  }

  static async start(handle: Handler): Promise<WebhookServer> {
    const authority = await createAuthority({ commonName: 'webhook-ca' });
    const { certificate, privateKey } = await authority.issue({
      commonName: 'webhook',
      dnsNames: ['hook.default.svc', 'localhost'],
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
    });
    const server = createServer({ cert: certificate, key: privateKey });
    const made = new WebhookServer(server, Buffer.from(authority.certificate).toString('base64'));
    server.on('request', (request, answer) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on(
        'end',
        () =>
          void made
            .#answer(JSON.parse(Buffer.concat(parts).toString()), request.url ?? '', handle)
            .then(({ code, body }) => answer.writeHead(code).end(body)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return made;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}/hook`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(review: Loose, path: string, handle: Handler): Promise<{ code: number; body: string }> {
    this.requests.push(review.request);
    const response = await handle(review.request, path);
    if (response.httpCode !== undefined) return { code: response.httpCode, body: 'oops' };
    const body = JSON.stringify({ ...review, request: undefined, response: { uid: review.request.uid, ...response } });
    return { code: 200, body };
  }
}

/** A response that changes the object. */
export function patching(...operations: object[]): Loose {
  return { allowed: true, patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(operations)).toString('base64') };
}
