import {
  constants,
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorMessage, type Clock } from '@keelson/base';
import { GrpcError } from '../grpc-error.ts';
import { Call } from './call.ts';

const { NGHTTP2_CANCEL } = constants;
/** How much may be on its way to us before we say that we have taken it: of one stream, and of a connection. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const WINDOW_BYTES = 32 * 1024 * 1024;
const SESSION_MEMORY_MB = 256;
const UNIX = 'unix://';

export interface ConnectionOptions {
  /** `http://HOST:PORT`, `https://HOST:PORT` or `unix:///PATH` */
  readonly address: string;
  /** Instead of a new connection to the address. */
  readonly connection?: Duplex;
  readonly tls: {
    readonly ca?: string;
    readonly certificate?: string;
    readonly privateKey?: string;
    readonly serverName?: string;
  };
  readonly clock: Clock;
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** One HTTP/2 connection, from its handshake to its end. */
export class Connection {
  readonly #session: ClientHttp2Session;
  readonly #options: ConnectionOptions;
  readonly #pings: Disposable;
  readonly #calls = new Set<Call>();
  #lastStreamId = Infinity;
  #probing: Promise<boolean> | undefined;

  /** Rejects with `UNAVAILABLE` if there is no server, or none that may be trusted. */
  static open(options: ConnectionOptions): Promise<Connection> {
    const { address, clock, connectTimeoutMs } = options;
    const session = sessionTo(options);
    return new Promise((resolve, reject) => {
      const fail = (why: string, cause?: unknown): void => {
        timer[Symbol.dispose]();
        reject(new GrpcError('UNAVAILABLE', `Cannot connect to "${address}": ${why}`, { sent: false, cause }));
        session.destroy();
      };
      const timer = clock.after(connectTimeoutMs, () => fail(`no answer within ${connectTimeoutMs} ms`));
      const onClose = (): void => fail('the connection was closed');
      session.on('close', onClose);
      // Later on, what is wrong ends the streams, and those who wait for them are told.
      session.on('error', (error) => fail(errorMessage(error), error));
      session.once('connect', () => {
        timer[Symbol.dispose]();
        session.off('close', onClose);
        resolve(new Connection(session, options));
      });
    });
  }

  private constructor(session: ClientHttp2Session, options: ConnectionOptions) {
    this.#session = session;
    this.#options = options;
    this.#pings = options.clock.every(options.keepAliveMs, () => {
      if (this.#calls.size > 0) void this.probe();
    });
    session.setLocalWindowSize(WINDOW_BYTES);
    session.on('goaway', (_code: number, lastStreamId: number) => {
      this.#lastStreamId = lastStreamId;
      this.#closeIfDone();
    });
    session.on('close', () => this.#pings[Symbol.dispose]());
  }

  /** False once no further call can be made on it. */
  get isUsable(): boolean {
    return !this.#session.closed && !this.#session.destroyed && this.#lastStreamId === Infinity;
  }

  call(headers: OutgoingHttpHeaders): Call {
    const stream = this.#request(headers);
    const call = new Call(stream, (id) => id > this.#lastStreamId);
    this.#calls.add(call);
    stream.on('close', () => {
      this.#calls.delete(call);
      this.#closeIfDone();
    });
    return call;
  }

  /** Whether the other side is alive. If it does not answer in time, all calls break off. */
  probe(): Promise<boolean> {
    return (this.#probing ??= this.#ping().finally(() => (this.#probing = undefined)));
  }

  /** Breaks off all calls. */
  close(): void {
    this.#pings[Symbol.dispose]();
    if (!this.#session.destroyed) this.#session.destroy(undefined, NGHTTP2_CANCEL);
  }

  /** After the other side has said that it goes away. */
  #closeIfDone(): void {
    if (this.#lastStreamId !== Infinity && this.#calls.size === 0) this.close();
  }

  #request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    try {
      return this.#session.request(headers);
    } catch (error) {
      // It has ended in this very moment.
      throw new GrpcError('UNAVAILABLE', `Cannot make a call: ${errorMessage(error)}`, { sent: false, cause: error });
    }
  }

  #ping(): Promise<boolean> {
    if (this.#session.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = (alive: boolean): void => {
        timer[Symbol.dispose]();
        if (!alive) this.close();
        resolve(alive);
      };
      const timer = this.#options.clock.after(this.#options.keepAliveTimeoutMs, () => finish(false));
      if (!this.#session.ping((error) => finish(error === null))) finish(false);
    });
  }
}

function sessionTo({ address, connection, tls }: ConnectionOptions): ClientHttp2Session {
  const common = {
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    maxSessionMemory: SESSION_MEMORY_MB,
  };
  if (connection) return connect(address, { ...common, createConnection: () => connection });
  if (address.startsWith(UNIX)) {
    const path = address.slice(UNIX.length);
    return connect('http://localhost', { ...common, createConnection: () => connectSocket(path) });
  }
  const options: SecureClientSessionOptions = { ...common };
  if (tls.ca !== undefined) options.ca = tls.ca;
  if (tls.certificate !== undefined) options.cert = tls.certificate;
  if (tls.privateKey !== undefined) options.key = tls.privateKey;
  if (tls.serverName !== undefined) options.servername = tls.serverName;
  return connect(address, options);
}
