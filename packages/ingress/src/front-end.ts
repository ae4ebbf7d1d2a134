import { once } from 'node:events';
import { createServer, ServerResponse, type IncomingMessage, type Server } from 'node:http';
import {
  createSecureServer,
  Http2ServerRequest,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext } from 'node:tls';
import { errorMessage, KeelsonError, type Clock } from '@keelson/base';
import type { Exchange } from './clients/exchange.ts';
import { Http1Exchange } from './clients/http1-exchange.ts';
import { Http2Exchange } from './clients/http2-exchange.ts';

export interface FrontEndHandlers {
  /** Neither rejects. */
  readonly serve: (exchange: Exchange) => Promise<void>;
  readonly upgrade: (exchange: Exchange, client: Duplex, head: Buffer) => Promise<void>;
  /** The certificate for a name; undefined for the fallback. */
  readonly certificateFor: (serverName: string) => SecureContext | undefined;
}

export interface FrontEndOptions {
  /** Undefined for all addresses. */
  readonly host: string | undefined;
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly fallbackCertificate: { readonly cert: string; readonly key: string };
  /** For each of both ports. */
  readonly maxConnections: number;
  readonly maxHeaderBytes: number;
  readonly maxStreams: number;
  readonly keepAliveMs: number;
  readonly headersTimeoutMs: number;
  readonly drainMs: number;
}

/** The two ports that clients come to. */
export class FrontEnd {
  readonly #options: FrontEndOptions;
  readonly #clock: Clock;
  readonly #http: Server;
  readonly #https: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  #isDraining = false;

  constructor(handlers: FrontEndHandlers, clock: Clock, options: FrontEndOptions) {
    const { maxHeaderBytes, maxStreams, fallbackCertificate, keepAliveMs, headersTimeoutMs, maxConnections } = options;
    this.#options = options;
    this.#clock = clock;
    // Bodies may take as long as they do: what does not move is cut by the idle time of upstreams.
    const http1 = {
      maxHeaderSize: maxHeaderBytes,
      keepAliveTimeout: keepAliveMs,
      headersTimeout: headersTimeoutMs,
      requestTimeout: 0,
    };
    this.#http = createServer(http1);
    this.#https = createSecureServer({
      ...http1,
      ...fallbackCertificate,
      allowHTTP1: true,
      minVersion: 'TLSv1.2',
      settings: { maxConcurrentStreams: maxStreams, maxHeaderListSize: maxHeaderBytes },
      SNICallback: (name, done) => done(null, handlers.certificateFor(name)),
    });
    const draining = (): boolean => this.#isDraining;
    for (const server of [this.#http, this.#https]) {
      server.maxConnections = maxConnections;
      server.on('request', (request: IncomingMessage | Http2ServerRequest, response: ServerResponse) => {
        if (request instanceof Http2ServerRequest) return;
        void handlers.serve(new Http1Exchange(request, response, draining));
      });
      server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
        socket.on('error', () => socket.destroy());
        const exchange = new Http1Exchange(request, responseOn(request, socket), draining);
        // What is no other protocol for clients goes on as it was, so that nobody gets past us.
        const isRefused = request.headers.upgrade?.toLowerCase().includes('h2c');
        void (isRefused ? handlers.serve(exchange) : handlers.upgrade(exchange, socket, head));
      });
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
    }
    this.#https.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: string[]) => {
      stream.on('error', () => undefined);
      void handlers.serve(new Http2Exchange(stream, headers, raw));
    });
    this.#https.on('session', (session) => {
      this.#sessions.add(session);
      session.once('close', () => this.#sessions.delete(session));
    });
    this.#https.on('sessionError', () => undefined).on('tlsClientError', () => undefined);
  }

  get httpPort(): number {
    return portOf(this.#http);
  }

  get httpsPort(): number {
    return portOf(this.#https);
  }

  get connections(): number {
    return this.#sockets.size;
  }

  async start(signal: AbortSignal): Promise<void> {
    const { host, httpPort, httpsPort } = this.#options;
    await listen(this.#http, { host, port: httpPort }, signal);
    try {
      await listen(this.#https, { host, port: httpsPort }, signal);
    } catch (error) {
      this.#http.close();
      throw error;
    }
  }

  /** Takes no more connections, lets what is under way end within the drain time, and breaks off the rest. */
  async stop(): Promise<void> {
    this.#isDraining = true;
    const closed = [this.#http, this.#https].map((server) => new Promise((resolve) => server.close(resolve)));
    this.#http.closeIdleConnections();
    for (const session of this.#sessions) session.close();
    const timer = this.#clock.after(this.#options.drainMs, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await Promise.all(closed);
    timer[Symbol.dispose]();
  }
}

/** For a socket that Node has given away. */
function responseOn(request: IncomingMessage, socket: Socket): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => socket.end());
  return response;
}

async function listen(
  server: Server | Http2SecureServer,
  at: { host: string | undefined; port: number },
  signal: AbortSignal,
): Promise<void> {
  try {
    server.listen({ port: at.port, ...(at.host !== undefined && { host: at.host }) });
    await once(server, 'listening', { signal });
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `Cannot take Ingress traffic on port ${at.port}: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

function portOf(server: Server | Http2SecureServer): number {
  return (server.address() as AddressInfo | null)?.port ?? 0;
}
