import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { KeelsonError } from '@keelson/base';
import { createAuthority } from '@keelson/pki';
import { handlePortForwardUpgrade, handleRemoteCommandUpgrade, type RemoteSession } from '@keelson/streaming';
import type { ClusterConfig } from '../kubeconfig.ts';

const USER = 'tester';
const POD_PATH = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/([a-z]+)$/;

/** What a test gives the server. */
export interface PodApiOptions {
  /** The process that exec and attach join. */
  readonly process?: PlayedSession;
  /** A connection to a port of the pod. */
  readonly dial?: (port: number) => Promise<Duplex>;
  /** Upgrades to WebSocket that the server knows; all if absent. */
  readonly protocols?: readonly string[];
}

/** An HTTPS server on loopback that asks for client certificates and has the streams of one pod, `web` in `default`. */
export class PodApi implements AsyncDisposable {
  /** Each request: who, and for what. */
  readonly seen: string[] = [];
  readonly #server: ReturnType<typeof createServer>;
  readonly #options: PodApiOptions;
  readonly #sockets = new Set<Duplex>();
  readonly config: ClusterConfig;
  /** The body of the log. */
  readonly log = new PassThrough();

  private constructor(server: ReturnType<typeof createServer>, config: Omit<ClusterConfig, 'server'>, options: PodApiOptions) {
    this.#server = server;
    this.#options = options;
    this.config = { ...config, server: `https://127.0.0.1:${(server.address() as AddressInfo).port}` };
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response));
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head));
  }

  static async serve(options: PodApiOptions = {}): Promise<PodApi> {
    const authority = await createAuthority({ commonName: 'ca' });
    const [serving, client] = await Promise.all([
      authority.issue({ commonName: 'server', ipAddresses: ['127.0.0.1'], usages: ['server'] }),
      authority.issue({ commonName: USER, usages: ['client'] }),
    ]);
    const ca = authority.certificate;
    const server = createServer({ cert: serving.certificate, key: serving.privateKey, ca, requestCert: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { certificate, privateKey } = client;
    return new PodApi(server, { namespace: 'default', ca, certificate, privateKey }, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#see(request);
    if (this.#subresource(request) !== 'log') return refuse(response);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    response.once('close', () => this.log.destroy());
    this.log.pipe(response);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#sockets.add(socket);
    this.#see(request);
    const { process, dial, protocols } = this.#options;
    const subresource = this.#subresource(request);
    if (protocols) request.headers['sec-websocket-protocol'] = protocols.join(', ');
    if (subresource === 'portforward' && dial) return handlePortForwardUpgrade(request, socket, head, { open: dial });
    if ((subresource !== 'exec' && subresource !== 'attach') || !process) {
      socket.end(`HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n${NOT_FOUND}`);
      return;
    }
    const query = new URL(request.url ?? '/', 'http://api').searchParams;
    const isOn = (name: string): boolean => query.get(name) === 'true';
    const flags = { stdin: isOn('stdin'), stdout: isOn('stdout'), stderr: isOn('stderr'), tty: isOn('tty') };
    return handleRemoteCommandUpgrade(request, socket, head, { ...flags, open: async () => process });
  }

  #see(request: IncomingMessage): void {
    const user = (request.socket as TLSSocket).getPeerCertificate().subject.CN;
    this.seen.push(`${String(user)} ${request.method} ${request.url}`);
  }

  #subresource({ url = '' }: IncomingMessage): string | undefined {
    const [, namespace, name, subresource] = POD_PATH.exec(url.split('?')[0] ?? '') ?? [];
    return namespace === 'default' && name === 'web' ? subresource : undefined;
  }
}

const NOT_FOUND = JSON.stringify({ kind: 'Status', reason: 'NotFound', message: 'pods "gone" not found', code: 404 });

function refuse(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'application/json' }).end(NOT_FOUND);
}

/** A process that a test plays by hand. */
export class PlayedSession implements RemoteSession {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly sizes: string[] = [];
  isLetGo = false;
  #exit: (code: number) => void = () => undefined;
  readonly exitCode = new Promise<number>((resolve) => (this.#exit = resolve));

  exit(code: number): void {
    this.stdout.end();
    this.stderr.end();
    this.#exit(code);
  }

  async resize(columns: number, rows: number): Promise<void> {
    if (columns > 10_000) throw new KeelsonError('BadRequest', 'no such terminal');
    this.sizes.push(`${columns}x${rows}`);
  }

  close(): void {
    this.isLetGo = true;
  }
}
