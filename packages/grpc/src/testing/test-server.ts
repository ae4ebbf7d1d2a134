import { once } from 'node:events';
import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FrameReader, frameOf } from '../internal/frames.ts';
import { message, method, safeInt64, string } from '../index.ts';

const Line = message({ text: string(1), number: safeInt64(2) });
export const ECHO = method('test.Echo', 'Unary', { request: Line, response: Line });
export const CHAT = method('test.Echo', 'Chat', { request: Line, response: Line });

export interface ServerCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: Readonly<Record<string, unknown>>;
  /** Answers, with the end of the call. */
  reply(text: string): void;
  /** False if the client is not ready for more. */
  send(text: string): boolean;
  /** Ends the call with a status, as a response that has begun. */
  finish(status: number, words?: string): void;
}

/** A gRPC server that does what a test says. */
export class TestServer implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly sessions = new Set<ServerHttp2Session>();
  readonly port: number;

  private constructor(server: Http2Server) {
    this.#server = server;
    const address = server.address();
    this.port = typeof address === 'object' && address ? address.port : 0;
    server.on('session', (session) => {
      this.sessions.add(session);
      session.on('close', () => this.sessions.delete(session));
      session.on('error', () => undefined);
    });
  }

  static async start(
    onCall: (call: ServerCall, texts: AsyncIterable<string>) => void,
    at: string | number = 0,
  ): Promise<TestServer> {
    const server = createServer();
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => undefined);
      onCall(callOn(stream, headers), textsOf(stream));
    });
    await once(typeof at === 'string' ? server.listen(at) : server.listen(at, '127.0.0.1'), 'listening');
    return new TestServer(server);
  }

  get address(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Ends all connections as a killed process does. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function callOn(stream: ServerHttp2Stream, headers: ServerCall['headers']): ServerCall {
  const finish = (status: number, words = ''): void => {
    const trailers = { 'grpc-status': `${status}`, ...(words === '' ? {} : { 'grpc-message': encodeURIComponent(words) }) };
    if (!stream.headersSent) stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end();
  };
  const send = (text: string): boolean => {
    if (!stream.headersSent) stream.respond({ ':status': 200 }, { waitForTrailers: true });
    return stream.write(frameOf(Line.encode({ text })));
  };
  const reply = (text: string): void => {
    send(text);
    finish(0);
  };
  return { stream, headers, reply, send, finish };
}

async function* textsOf(stream: ServerHttp2Stream): AsyncGenerator<string, void, undefined> {
  const frames = new FrameReader(1024 * 1024);
  try {
    for await (const chunk of stream) for (const frame of frames.push(chunk as Buffer)) yield Line.decode(frame).text;
  } catch {
    // The client has gone.
  }
}

/** Passes bytes on to a server until it is frozen: then it keeps its connections and lets nothing through. */
export class FreezingProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<FreezingProxy> {
    const server = createSocketServer({ pauseOnConnect: true });
    const proxy = new FreezingProxy(server);
    server.on('connection', (near) => {
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) {
        proxy.#sockets.add(socket);
        socket.on('error', () => undefined);
      }
      near.pipe(far).pipe(near);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  freeze(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
