import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import {
  createServer as createHttp2Server,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createNetServer, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { KeelsonError, type Runnable } from '@keelson/base';
import type { ApiServer } from '../api-server.ts';
import { Http1Exchange } from './http1-exchange.ts';
import { Http2Exchange } from './http2-exchange.ts';
import { inFlightMetrics } from './in-flight-metrics.ts';
import type { InFlightLimits } from './in-flight.ts';
import { RequestServer } from './request-server.ts';

export interface TlsOptions {
  /** PEM. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  /** PEM certificates of authorities whose client certificates are believed. */
  readonly clientAuthorities: readonly string[];
}

export interface HttpFrontendOptions extends Partial<InFlightLimits> {
  /** `127.0.0.1` if absent. */
  readonly host?: string;
  /** 0, or absent, for any that is free. */
  readonly port?: number;
  /** More addresses to listen on, at the same port: of a bridge that pods come from, say. */
  readonly moreHosts?: readonly string[];
  /** Plain HTTP if absent: for tests only, as nobody is authenticated by certificate then. */
  readonly tls?: TlsOptions;
  /** How long `stop` waits for requests under way. 10 seconds if absent. */
  readonly drainMs?: number;
}

/** Streams of one HTTP/2 connection at a time: clients multiplex many watches on one. */
const MAX_STREAMS = 1_000;
/** What is kept of a stream that its reader has not asked for. */
const H2_WINDOW_BYTES = 1024 * 1024;
/** Selectors may be long. */
const MAX_HEADER_BYTES = 1024 * 1024;
const KEEP_ALIVE_MS = 180_000;
/** How long clients have to read the end of what was sent to them when the server stops. */
const LINGER_MS = 1_000;

/** The API over HTTPS: HTTP/1.1 and HTTP/2 on one port. */
export class HttpFrontend implements Runnable {
  readonly name = 'http-frontend';
  readonly #server: ApiServer;
  readonly #options: HttpFrontendOptions;
  readonly #requests: RequestServer;
  readonly #http1: HttpServer;
  readonly #http2: Http2Server;
  /** What the listeners accepted, TLS or not. */
  readonly #connections = new Set<Socket>();
  /** What requests come over. */
  readonly #sockets = new Set<Socket>();
  readonly #http2Sockets = new WeakSet<Socket>();
  readonly #sessions = new Set<Http2Session>();
  readonly #listeners: NetServer[] = [];
  #onLastClose = (): void => undefined;
  #settled: Promise<void> | undefined;
  #closed: Promise<unknown> = Promise.resolve();

  constructor(server: ApiServer, options: HttpFrontendOptions = {}) {
    this.#server = server;
    this.#options = options;
    const { maxReads = 400, maxWrites = 200, timeoutMs = 60_000 } = options;
    this.#requests = new RequestServer(server, { maxReads, maxWrites, timeoutMs });
    this.#http1 = this.#makeHttp1();
    this.#http2 = this.#makeHttp2();
    server.metrics.add(() => inFlightMetrics(this.#requests.inFlight));
    server.onStopping(() => this.#settle());
  }

  /** Requests under way, watches included. */
  get requests(): number {
    return this.#requests.inFlight.size;
  }

  get port(): number {
    return this.#address().port;
  }

  get url(): string {
    const { address, family, port } = this.#address();
    const host = family === 'IPv6' ? `[${address}]` : address;
    return `${this.#options.tls ? 'https' : 'http'}://${host}:${port}`;
  }

  /** Resolves when it listens. Rejects with `ServiceUnavailable` if an address cannot be had. */
  async start(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { host = '127.0.0.1', port = 0, moreHosts = [] } = this.#options;
    await this.#listen(host, port);
    for (const other of moreHosts) await this.#listen(other, this.port);
  }

  async #listen(host: string, port: number): Promise<void> {
    const listener = this.#makeListener();
    await new Promise<void>((resolve, reject) => {
      listener.once('error', (error: NodeJS.ErrnoException) => {
        const why = error.code === 'EADDRINUSE' ? 'the port is in use' : error.message;
        reject(new KeelsonError('ServiceUnavailable', `Cannot listen on "${host}:${port}": ${why}`, { cause: error }));
      });
      listener.listen(port, host, resolve);
    });
    this.#listeners.push(listener);
    listener.on('connection', (connection) => {
      this.#connections.add(connection);
      connection.on('close', () => this.#connections.delete(connection));
    });
    listener.on('error', (error) => this.#server.logger.error('listener failed', { error: error.message }));
  }

  /**
   * Stops to accept, lets requests under way finish, then closes all connections. Watches are ended by the API server's own `stop`, which
   * begins this too.
   */
  async stop(): Promise<void> {
    if (!this.#settled && this.#listeners.length === 0) return;
    await this.#settle();
    this.#requests.inFlight.close();
    await this.#hangUp();
    await this.#closed;
  }

  /** Stops to accept, tells clients to go elsewhere, and waits for requests under way. Once. */
  #settle(): Promise<void> {
    this.#settled ??= this.#turnAway();
    return this.#settled;
  }

  #turnAway(): Promise<void> {
    const listeners = this.#listeners.splice(0);
    const closed = listeners.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
    this.#closed = Promise.all(closed);
    for (const session of this.#sessions) session.close();
    return this.#requests.inFlight.drained(this.#options.drainMs ?? 10_000);
  }

  /** Lets clients read what was sent to them, then closes all connections. */
  async #hangUp(): Promise<void> {
    for (const socket of this.#sockets) if (!this.#http2Sockets.has(socket)) socket.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onLastClose = resolve;
    using _timer = this.#server.clock.after(LINGER_MS, resolve);
    if (this.#sockets.size > 0) await promise;
    for (const session of this.#sessions) session.destroy();
    for (const socket of [...this.#sockets, ...this.#connections]) socket.destroy();
  }

  #address(): AddressInfo {
    const address = this.#listeners[0]?.address();
    if (!address || typeof address === 'string')
      throw new KeelsonError('ServiceUnavailable', 'The HTTP front end does not listen');
    return address;
  }

  #makeListener(): NetServer {
    const { tls } = this.#options;
    if (!tls) return createNetServer((socket) => this.#accept(socket, false));
    const options = {
      cert: tls.certificate,
      key: tls.key,
      ca: [...tls.clientAuthorities],
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2', 'http/1.1'],
      minVersion: 'TLSv1.2' as const,
    };
    const listener = createTlsServer(options, (socket: TLSSocket) => this.#accept(socket, socket.alpnProtocol === 'h2'));
    listener.on('tlsClientError', (error) => this.#server.logger.debug('TLS handshake failed', { error: error.message }));
    return listener;
  }

  #accept(socket: Socket, isHttp2: boolean): void {
    // A handshake that was under way when the server began to stop.
    if (this.#listeners.length === 0) return void socket.destroy();
    this.#sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onLastClose();
    });
    socket.on('error', () => undefined);
    if (isHttp2) this.#http2Sockets.add(socket);
    (isHttp2 ? this.#http2 : this.#http1).emit('connection', socket);
  }

  #makeHttp1(): HttpServer {
    const http1 = createHttpServer({
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      shouldUpgradeCallback: ({ url = '/', headers }) => this.#requests.mayUpgrade(url, headers.upgrade),
    });
    http1.on('request', (request, response) => {
      if (this.#listeners.length === 0) response.setHeader('Connection', 'close');
      void this.#requests.serve(new Http1Exchange(request, response));
    });
    http1.on('upgrade', (request, socket, head) => void this.#requests.upgrade(request, socket, head));
    http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      // Headers that are too long, or nothing that is HTTP.
      const status = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
      if (socket.writable && error.code !== 'ECONNRESET') socket.end(refusalOf(status));
      else socket.destroy();
    });
    return http1;
  }

  #makeHttp2(): Http2Server {
    const settings = {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: H2_WINDOW_BYTES,
      maxHeaderListSize: MAX_HEADER_BYTES,
    };
    const http2 = createHttp2Server({ settings });
    http2.on('session', (session) => {
      this.#sessions.add(session);
      // Without this a connection may only have 64 KiB under way, however many streams it carries.
      session.setLocalWindowSize(H2_WINDOW_BYTES);
      session.on('close', () => this.#sessions.delete(session));
      session.on('error', () => undefined);
    });
    http2.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const socket = stream.session?.socket;
      if (socket) void this.#requests.serve(new Http2Exchange(stream, headers, socket));
    });
    http2.on('sessionError', (error) => this.#server.logger.debug('HTTP/2 session failed', { error: error.message }));
    return http2;
  }
}

/** For what cannot be taken for a request. */
function refusalOf(status: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${status}`;
}
