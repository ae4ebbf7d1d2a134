import { once } from 'node:events';
import {
  Agent,
  createServer,
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
} from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { createServer as createHttp2Server, type ServerHttp2Stream, type IncomingHttpHeaders as Http2Headers } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { Secret, Service, type ServicePort } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { Ingress, type HTTPIngressPath, type IngressSpec } from '@keelson/api/networking/v1';
import { startTestApiServer, type TestApiServer } from '@keelson/api-server/testing';
import { silentLogger } from '@keelson/base';
import { createClient, type Client, type Transport } from '@keelson/client';
import type { RunningOperator } from '@keelson/controller-runtime';
import { createAuthority, type CertificateAuthority } from '@keelson/pki';
import { map } from 'rxjs';
import type { AccessEntry } from '../access-log.ts';
import type { IngressController } from '../ingress-controller.ts';
import { createIngress, type IngressOperatorOptions } from '../run-ingress.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The API server refuses endpoints on loopback; the controller sees this address as loopback's. */
const PLACEHOLDER = '198.51.100.1';

/** An Ingress controller, on a real API server, before real HTTP servers on loopback. */
export class IngressWorld implements AsyncDisposable {
  readonly client: Client;
  readonly ingress: IngressController;
  readonly log: AccessEntry[];
  readonly authority: CertificateAuthority;
  readonly #api: TestApiServer;
  readonly #operator: RunningOperator;
  readonly #servers: Server[] = [];

  private constructor(
    api: TestApiServer,
    made: Awaited<ReturnType<typeof createIngress>>,
    more: { readonly authority: CertificateAuthority; readonly log: AccessEntry[] },
  ) {
    this.#api = api;
    this.#operator = made.operator;
    this.client = createClient(api.transport);
    this.ingress = made.ingress;
    this.authority = more.authority;
    this.log = more.log;
  }

  static async up(options: IngressOperatorOptions = {}): Promise<IngressWorld> {
    const api = await startTestApiServer({ namespaces: ['default'] });
    const log: AccessEntry[] = [];
    const made = await createIngress({
      client: createClient(onLoopback(api.transport)),
      logger: silentLogger,
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 0,
      isDefaultClass: true,
      drainMs: 5_000,
      accessLog: (entry) => log.push(entry),
      ...options,
    });
    await made.operator.start(new AbortController().signal);
    return new IngressWorld(api, made, { log, authority: await createAuthority({ commonName: 'test' }) });
  }

  get httpPort(): number {
    return this.ingress.ports.http;
  }

  get httpsPort(): number {
    return this.ingress.ports.https;
  }

  /** A Service with one endpoint for each handler, and those of `ports` beside. */
  async service(name: string, handlers: readonly RequestListener[], ports: readonly number[] = []): Promise<readonly Server[]> {
    const servers = await Promise.all(handlers.map((handler) => this.listen(createServer(handler))));
    await this.expose(name, [...servers.map(portOf), ...ports]);
    return servers;
  }

  /** A Service whose endpoint speaks HTTP/2 without TLS. */
  async http2Service(name: string, handler: (stream: ServerHttp2Stream, headers: Http2Headers) => void): Promise<void> {
    const server = createHttp2Server();
    server.on('stream', handler);
    await this.listen(server);
    await this.expose(name, [portOf(server)], { appProtocol: 'kubernetes.io/h2c' });
  }

  /** A Service of these ports on loopback. */
  async expose(name: string, ports: readonly number[], more: Partial<ServicePort> = {}): Promise<void> {
    await this.client
      .resource(Service)
      .create({ metadata: { name, namespace: 'default' }, spec: { ports: [{ name: 'http', port: 80, ...more }] } });
    await Promise.all(ports.map((port, index) => this.addEndpoint(name, port, index)));
  }

  async addEndpoint(service: string, port: number, index: number): Promise<void> {
    await this.client.resource(EndpointSlice).create({
      metadata: { name: `${service}-${index}`, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [PLACEHOLDER], conditions: { ready: true } }],
      ports: [{ name: 'http', port, protocol: 'TCP' }],
    });
  }

  async apply(name: string, spec: IngressSpec, annotations: Record<string, string> = {}): Promise<void> {
    await this.client.resource(Ingress).create({ metadata: { name, namespace: 'default', annotations }, spec });
  }

  /** An Ingress of one host whose paths lead to Services. */
  async route(host: string, paths: Readonly<Record<string, string>>, more: IngressSpec = {}): Promise<void> {
    const list = Object.entries(paths).map(([path, service]) => pathTo(path, service));
    await this.apply(`${host.replace('*', 'any')}`, { ...more, rules: [{ host, http: { paths: list } }] });
  }

  async certificate(name: string, dnsNames: readonly string[]): Promise<void> {
    const { certificate, privateKey } = await this.authority.issue({
      commonName: name,
      dnsNames: [...dnsNames],
      usages: ['server'],
    });
    const data = { 'tls.crt': toBase64(certificate), 'tls.key': toBase64(privateKey) };
    const secrets = this.client.resource(Secret);
    const known = await secrets.find({ name, namespace: 'default' });
    if (known) await secrets.update({ ...known, data });
    else await secrets.create({ metadata: { name, namespace: 'default' }, type: 'kubernetes.io/tls', data });
  }

  get(host: string, path = '/', options: RequestOptions = {}): Promise<Answer> {
    return ask(this.httpPort, host, { path, ...options });
  }

  getTls(host: string, path = '/'): Promise<Answer> {
    return askTls(this.httpsPort, host, { path, ca: this.authority.certificate });
  }

  async listen<S extends Server>(server: S): Promise<S> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#servers.push(server);
    return server;
  }

  async stop(): Promise<void> {
    await this.#operator.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const server of this.#servers) {
      if ('closeAllConnections' in server) (server.closeAllConnections as () => void)();
      server.close();
    }
    await this.#api.close();
  }
}

export function pathTo(path: string, service: string): HTTPIngressPath {
  return { path, pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } };
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export async function ask(port: number, host: string, options: RequestOptions): Promise<Answer> {
  const { headers, ...more } = options;
  const outgoing = request({ agent: new Agent(), host: '127.0.0.1', port, headers: { host, ...(headers as object) }, ...more });
  outgoing.end();
  return answerOf(outgoing);
}

export async function askTls(
  port: number,
  host: string,
  options: RequestOptions & { readonly ca?: string; readonly rejectUnauthorized?: boolean },
): Promise<Answer> {
  const at = { agent: new TlsAgent(), host: '127.0.0.1', port, servername: host, headers: { host } };
  const outgoing = tlsRequest({ ...at, ...options });
  outgoing.end();
  return answerOf(outgoing);
}

async function answerOf(outgoing: ReturnType<typeof request>): Promise<Answer> {
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

function toBase64(pem: string): string {
  return Buffer.from(pem).toString('base64');
}

function onLoopback(transport: Transport): Transport {
  const replaced = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(PLACEHOLDER, '127.0.0.1')) as T;
  return {
    request: async (call) => {
      const response = await transport.request(call);
      return call.path.endsWith('/endpointslices') ? { ...response, body: replaced(response.body) } : response;
    },
    watch: (call) => (call.path.endsWith('/endpointslices') ? transport.watch(call).pipe(map(replaced)) : transport.watch(call)),
    stream: (call) => transport.stream(call),
    upgrade: (call, protocols) => transport.upgrade(call, protocols),
    close: () => transport.close(),
  };
}
