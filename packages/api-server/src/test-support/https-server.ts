import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request as httpsRequest, type Agent } from 'node:https';
import { createAuthority } from '@keelson/pki';
import { StaticTokenAuthenticator } from '../auth/authenticators.ts';
import { HttpFrontend, type HttpFrontendOptions } from '../http/http-frontend.ts';
import { startTestApiServer, type TestApiServer, type TestApiServerOptions } from '../testing.ts';

const TOKEN = 'test-token';
const USER = { name: 'tester', groups: ['system:masters'] };

export interface HttpsOptions extends Omit<TestApiServerOptions, 'http'> {
  readonly http?: HttpFrontendOptions;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Parts are sent one after the other, without a declared length. */
  readonly body?: string | Buffer | readonly Buffer[];
  readonly agent?: Agent;
}

export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An API server on a real TLS socket, and calls to it. */
export class HttpsServer implements AsyncDisposable {
  readonly api: TestApiServer;
  readonly frontend: HttpFrontend;
  readonly #certificate: string;
  readonly #sessions: ClientHttp2Session[] = [];

  private constructor(api: TestApiServer, frontend: HttpFrontend, certificate: string) {
    this.api = api;
    this.frontend = frontend;
    this.#certificate = certificate;
  }

  static async start({ http = {}, ...options }: HttpsOptions = {}): Promise<HttpsServer> {
    const authority = await createAuthority({ commonName: 'test-ca' });
    const { certificate, privateKey } = await authority.issue({
      commonName: 'test',
      ipAddresses: ['127.0.0.1'],
      usages: ['server'],
    });
    const api = await startTestApiServer({
      ...options,
      authenticators: [new StaticTokenAuthenticator(new Map([[TOKEN, USER]]))],
    });
    const tls = { certificate, key: privateKey, clientAuthorities: [authority.certificate] };
    const frontend = new HttpFrontend(api.server, { ...http, tls });
    await frontend.start(new AbortController().signal);
    return new HttpsServer(api, frontend, authority.certificate);
  }

  /** Sends a request over HTTP/1.1 and resolves with its headers; the body is read by the caller. */
  open(path: string, { method = 'GET', headers = {}, body, agent }: Sent = {}): Promise<IncomingMessage> {
    const authorization = `Bearer ${TOKEN}`;
    return new Promise((resolve, reject) => {
      const { port } = this.frontend;
      const options = { host: '127.0.0.1', port, path, method, ca: this.#certificate, ...(agent && { agent }) };
      // Node does not say the length of a DELETE's body by itself.
      const isWhole = body !== undefined && !Array.isArray(body);
      const length = isWhole ? { 'content-length': String(Buffer.byteLength(body as string | Buffer)) } : {};
      const sent = httpsRequest({ ...options, headers: { authorization, ...length, ...headers } }, resolve);
      sent.on('error', reject);
      if (Array.isArray(body)) {
        for (const part of body as readonly Buffer[]) sent.write(part);
        sent.end();
      } else {
        sent.end(body as string | Buffer | undefined);
      }
    });
  }

  /** Sends a POST over HTTP/1.1 whose body does not come. */
  openUnfinished(path: string, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
    const authorization = `Bearer ${TOKEN}`;
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.frontend.port, path, method: 'POST', ca: this.#certificate };
      const sent = httpsRequest({ ...options, headers: { authorization, ...headers } }, resolve);
      sent.on('error', reject);
      sent.flushHeaders();
    });
  }

  async send(path: string, sent: Sent = {}): Promise<Received> {
    const response = await this.open(path, sent);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
  }

  /** As `send`, with a JSON body if there is one. */
  async json(path: string, sent: Sent & { readonly value?: unknown } = {}) {
    const { value, headers, ...rest } = sent;
    const body = value === undefined ? {} : { body: JSON.stringify(value) };
    const response = await this.send(path, { ...rest, ...body, headers: { 'content-type': 'application/json', ...headers } });
    // Tests look into it.
    return { ...response, value: JSON.parse(response.body.toString() || 'null') as ReturnType<typeof JSON.parse> };
  }

  /** A new HTTP/2 connection. */
  http2(): ClientHttp2Session {
    const session = connectHttp2(this.frontend.url, { ca: this.#certificate });
    session.on('error', () => undefined);
    this.#sessions.push(session);
    return session;
  }

  /** A request on an HTTP/2 connection. */
  stream(session: ClientHttp2Session, path: string, headers: Readonly<Record<string, string>> = {}): ClientHttp2Stream {
    const stream = session.request({ ':path': path, authorization: `Bearer ${TOKEN}`, ...headers });
    stream.on('error', () => undefined);
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.#sessions) session.destroy();
    await this.api.server.stop();
    await this.frontend.stop();
    await this.api.close();
  }
}

/** Reads lines of JSON until there are `count`. */
export async function readLines(source: AsyncIterable<Uint8Array>, count: number): Promise<ReturnType<typeof JSON.parse>[]> {
  let text = '';
  for await (const chunk of source) {
    text += Buffer.from(chunk).toString();
    if (text.split('\n').length > count) break;
  }
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReturnType<typeof JSON.parse>);
}
