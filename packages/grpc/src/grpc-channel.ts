// Hot path: each call costs one stream of HTTP/2 and, if it has a deadline, one timer.
import { constants, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { errorMessage, isReason, KeelsonError, SystemClock, type Clock } from '@keelson/base';
import { GrpcError } from './grpc-error.ts';
import type { Call } from './internal/call.ts';
import { Connection, type ConnectionOptions } from './internal/connection.ts';
import { FrameReader, frameOf } from './internal/frames.ts';
import type { GrpcMethod } from './method.ts';

const { HTTP2_HEADER_METHOD, HTTP2_HEADER_PATH } = constants;

export interface GrpcChannelOptions {
  /** `http://HOST:PORT`, `https://HOST:PORT` or `unix:///PATH` of the server. */
  readonly address: string;
  /** A connection to it that is there already, for servers that are reached in a way of their own. Used once: the channel does not reconnect. */
  readonly connection?: Duplex;
  /** For `https`, in PEM: whom to trust (the machine's authorities if absent), who we are, and the server's name if not that of the address. */
  readonly tls?: ConnectionOptions['tls'];
  /** Drives deadlines and pings. The machine's if absent. */
  readonly clock?: Clock;
  /** 5 s if absent. */
  readonly connectTimeoutMs?: number;
  /** How often a connection with calls on it is asked for a sign of life; servers may refuse less than 5 s. 10 s if absent. */
  readonly keepAliveMs?: number;
  /** How long it may take to give one. 5 s if absent. */
  readonly keepAliveTimeoutMs?: number;
  /** The longest message that is taken. 64 MiB if absent. */
  readonly maxMessageBytes?: number;
}

export interface CallOptions {
  /** The call fails with `DEADLINE_EXCEEDED` after so long; the server is told. Never, if absent. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A call with many messages in one or both directions. */
export interface GrpcStream<Response, Request> {
  /** Does not wait: what the server is not ready for is kept. Does nothing once the call has ended. */
  send(message: Request): void;
  /** Says that no more will be sent. */
  end(): void;
  /**
   * What the server sends; it sends no faster than this is read. Ends when the server ends the call well, throws a `GrpcError` otherwise. May
   * be read once. Leaving the loop cancels the call.
   */
  readonly messages: AsyncIterable<Response>;
  /** Gives the call up; `messages` then throws `CANCELLED`. */
  cancel(): void;
}

/**
 * Calls to one gRPC server. It connects when it is first used, and again when the connection was lost: a call that finds no server fails
 * at once. Whether and when to try again is for the caller to say; `GrpcError.sent` tells what that may do.
 */
export class GrpcChannel {
  readonly #options: ConnectionOptions;
  readonly #maxMessageBytes: number;
  #connection: Connection | undefined;
  #connecting: Promise<Connection> | undefined;
  #closed = false;

  constructor(options: GrpcChannelOptions) {
    const { address, tls = {}, clock = new SystemClock() } = options;
    const { connectTimeoutMs = 5_000, keepAliveMs = 10_000, keepAliveTimeoutMs = 5_000 } = options;
    const { connection } = options;
    const times = { clock, connectTimeoutMs, keepAliveMs, keepAliveTimeoutMs };
    this.#options = { address, tls, ...times, ...(connection && { connection }) };
    this.#maxMessageBytes = options.maxMessageBytes ?? 64 * 1024 * 1024;
  }

  /** A call with one message each way. */
  async unary<Response, Request>(
    method: GrpcMethod<Response, Request>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const frame = frameOf(method.request.encode(request));
    const call = await this.#begin(method.path, options);
    const frames = new FrameReader(this.#maxMessageBytes);
    const messages: Uint8Array[] = [];
    call.stream.on('data', (chunk: Buffer) => {
      try {
        messages.push(...frames.push(chunk));
      } catch (error) {
        call.fail(unreadable(error));
      }
    });
    call.stream.end(frame);
    await call.done;
    const [message] = messages;
    if (!message || messages.length > 1) throw unreadable(`${messages.length} messages came in answer to "${method.path}"`);
    return decode(method, message);
  }

  /** A call with any number of messages, which lasts until one side ends it. */
  async stream<Response, Request>(
    method: GrpcMethod<Response, Request>,
    options: CallOptions = {},
  ): Promise<GrpcStream<Response, Request>> {
    const call = await this.#begin(method.path, options);
    return {
      send: (message) => call.send(frameOf(method.request.encode(message))),
      end: () => void call.stream.end(),
      messages: this.#messages(method, call),
      cancel: () => call.fail(cancelled('given up')),
    };
  }

  /** Whether the server is alive: false, and all calls break off, if it does not answer in time. True if there is no connection. */
  async probe(): Promise<boolean> {
    return this.#connection ? this.#connection.probe() : true;
  }

  /** Breaks off all calls. */
  close(): void {
    this.#closed = true;
    this.#connection?.close();
  }

  async *#messages<Response, Request>(
    method: GrpcMethod<Response, Request>,
    call: Call,
  ): AsyncGenerator<Response, void, undefined> {
    const frames = new FrameReader(this.#maxMessageBytes);
    let isOver = false;
    try {
      for await (const chunk of call.stream) for (const frame of frames.push(chunk as Buffer)) yield decode(method, frame);
      isOver = true;
      // The server may have ended the call before we did.
      if (!call.stream.writableEnded) call.stream.end();
    } catch (error) {
      isOver = true;
      // Of a stream that broke off, `done` knows more.
      if (error instanceof KeelsonError) call.fail(unreadable(error));
    } finally {
      if (!isOver) call.fail(cancelled('no longer read'));
    }
    await call.done;
  }

  async #begin(path: string, { timeoutMs, signal, metadata }: CallOptions): Promise<Call> {
    const { clock } = this.#options;
    const startMs = clock.monotonic();
    if (signal?.aborted) throw cancelled(errorMessage(signal.reason), false);
    const connection = this.#connection?.isUsable === true ? this.#connection : await this.#connect();
    const leftMs = timeoutMs === undefined ? undefined : Math.ceil(timeoutMs - (clock.monotonic() - startMs));
    if (signal?.aborted) throw cancelled(errorMessage(signal.reason), false);
    if (leftMs !== undefined && leftMs <= 0)
      throw new GrpcError('DEADLINE_EXCEEDED', `No connection within ${timeoutMs} ms`, { sent: false });
    const call = connection.call(headersOf(path, metadata, leftMs));
    if (leftMs !== undefined && timeoutMs !== undefined) this.#limit(call, leftMs, timeoutMs);
    if (signal) {
      const onAbort = (): void => call.fail(cancelled(errorMessage(signal.reason)));
      signal.addEventListener('abort', onAbort, { once: true });
      call.stream.on('close', () => signal.removeEventListener('abort', onAbort));
    }
    return call;
  }

  #limit(call: Call, leftMs: number, timeoutMs: number): void {
    const { address, clock } = this.#options;
    const timer = clock.after(leftMs, () =>
      call.fail(new GrpcError('DEADLINE_EXCEEDED', `No answer from "${address}" within ${timeoutMs} ms`, { sent: true })),
    );
    call.stream.on('close', () => timer[Symbol.dispose]());
  }

  /** One attempt for all who wait. */
  #connect(): Promise<Connection> {
    if (this.#closed) throw new GrpcError('UNAVAILABLE', 'Cannot make a call: the channel is closed', { sent: false });
    return (this.#connecting ??= Connection.open(this.#options)
      .then((connection) => {
        this.#connection = connection;
        if (this.#closed) connection.close();
        return connection;
      })
      .finally(() => (this.#connecting = undefined)));
  }
}

function headersOf(path: string, metadata: CallOptions['metadata'], timeoutMs: number | undefined): OutgoingHttpHeaders {
  return {
    [HTTP2_HEADER_METHOD]: 'POST',
    [HTTP2_HEADER_PATH]: path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(timeoutMs === undefined ? undefined : { 'grpc-timeout': `${Math.min(timeoutMs, 99_999_999)}m` }),
    ...metadata,
  };
}

function decode<Response>(method: GrpcMethod<Response, never>, message: Uint8Array): Response {
  try {
    return method.response.decode(message);
  } catch (error) {
    throw unreadable(error);
  }
}

function cancelled(why: string, sent = true): GrpcError {
  return new GrpcError('CANCELLED', `The call was cancelled: ${why}`, { sent });
}

function unreadable(error: unknown): GrpcError {
  if (error instanceof GrpcError) return error;
  return new GrpcError(isReason(error, 'RequestEntityTooLarge') ? 'RESOURCE_EXHAUSTED' : 'INTERNAL', errorMessage(error), {
    sent: true,
    cause: error,
  });
}
