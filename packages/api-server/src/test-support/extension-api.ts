import { createAuthority, type CertificateAuthority, type KeyedCertificate } from '@keelson/pki';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** What an extension API server was asked. */
export interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Of the client's certificate. */
  readonly commonName: string | string[] | undefined;
  readonly body: string;
}

const GROUP_VERSION = 'wardle.example.com/v1alpha1';
const VERBS = ['create', 'get', 'list', 'watch'];
const RESOURCES = [
  { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: VERBS },
  { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
];
const FLUNDER = { apiVersion: GROUP_VERSION, kind: 'Flunder', metadata: { name: 'one', namespace: 'default' } };

/** An API server for `wardle.example.com/v1alpha1` over real HTTPS, which believes a front proxy. */
export class ExtensionApi implements AsyncDisposable {
  readonly caBundle: string;
  readonly frontProxy: KeyedCertificate;
  readonly asked: Asked[] = [];
  readonly #server: Server;

  private constructor(server: Server, authority: CertificateAuthority, frontProxy: KeyedCertificate) {
    this.#server = server;
    this.caBundle = Buffer.from(authority.certificate).toString('base64');
    this.frontProxy = frontProxy;
    server.on('request', (request, answer) => void this.#serve(request, answer));
    server.on('upgrade', (request: IncomingMessage, socket) => {
      this.#note(request, '');
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello');
    });
  }

  static async start(): Promise<ExtensionApi> {
    const authority = await createAuthority({ commonName: 'extension-ca' });
    const frontProxy = await authority.issue({ commonName: 'front-proxy-client', usages: ['client'] });
    const { certificate: cert, privateKey: key } = await authority.issue({
      commonName: 'api',
      dnsNames: ['api.default.svc'],
      usages: ['server'],
    });
    const server = createServer({ cert, key, ca: authority.certificate, requestCert: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ExtensionApi(server, authority, frontProxy);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    this.#note(request, body);
    const [status, value] = answerTo(request, body);
    answer.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
  }

  #note({ method, url, headers, socket }: IncomingMessage, body: string): void {
    this.asked.push({ method, url, headers, commonName: (socket as TLSSocket).getPeerCertificate().subject?.CN, body });
  }
}

function answerTo({ method, url = '' }: IncomingMessage, body: string): [status: number, value: unknown] {
  if (method === 'POST') return [201, JSON.parse(body)];
  if (url === `/apis/${GROUP_VERSION}`) {
    return [200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: GROUP_VERSION, resources: RESOURCES }];
  }
  if (url === '/openapi/v3') {
    return [200, { paths: { [`apis/${GROUP_VERSION}`]: { serverRelativeURL: `/openapi/v3/apis/${GROUP_VERSION}?hash=1` } } }];
  }
  if (url.startsWith('/openapi/v3/')) return [200, { openapi: '3.0.0' }];
  if (url.includes('watch=')) return [200, { type: 'ADDED', object: FLUNDER }];
  if (url.endsWith('/flunders')) return [200, { kind: 'FlunderList', apiVersion: GROUP_VERSION, metadata: {}, items: [FLUNDER] }];
  return [
    404,
    { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', message: 'no such flunder', code: 404 },
  ];
}
