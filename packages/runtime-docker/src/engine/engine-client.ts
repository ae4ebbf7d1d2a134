import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Readable, type Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { addressText, type EngineAddress } from './engine-address.ts';
import { engineError, unreachable } from './engine-error.ts';

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

export interface EngineCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD';
  /** Without the version: `/containers/json`. */
  readonly path: string;
  readonly query?: Query;
  /** Sent as JSON, or as it is if it is bytes or a stream (a tar archive). */
  readonly body?: unknown;
  readonly headers?: OutgoingHttpHeaders;
  /** Until the answer's head has come. Default: the client's; 0 waits for ever. */
  readonly timeoutMs?: number;
  /** May take as long as it likes: gets a connection of its own, so that others don't wait for it. */
  readonly isLong?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Docker 20.10's. Newer engines speak it too, until they say that it is too old: then their oldest one is used. */
const API_VERSION = '1.41';
const TIMEOUT_MS = 30_000;
const MAX_CONNECTIONS = 64;

/**
 * Speaks HTTP with a Docker engine. What the engine refuses rejects as a `KeelsonError` with its words; what it does not answer, or not in
 * time, as `ServiceUnavailable`.
 */
export class EngineClient {
  readonly address: EngineAddress;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: MAX_CONNECTIONS, maxFreeSockets: 8 });
  readonly #timeoutMs: number;
  #version: Promise<string> | undefined;

  constructor(address: EngineAddress, timeoutMs = TIMEOUT_MS) {
    this.address = address;
    this.#timeoutMs = timeoutMs;
  }

  /** The answer's JSON; `undefined` if it has no body. */
  async json<T>(call: EngineCall): Promise<T> {
    const response = await this.open(call);
    try {
      const bytes = await buffer(response);
      // What a given path of the Engine API answers is the caller's knowledge.
      return (bytes.length === 0 ? undefined : JSON.parse(bytes.toString())) as T;
    } catch (error) {
      call.signal?.throwIfAborted();
      throw unreachable(this.#name(), call, error);
    }
  }

  /** Makes the call, and does not care for what is answered. */
  async run(call: EngineCall): Promise<void> {
    const response = await this.open(call);
    response.resume();
  }

  /** The answer as a stream, once its head says that all is well. The caller reads or destroys it. */
  async open(call: EngineCall): Promise<IncomingMessage> {
    const { request, settle } = this.#send(call, await this.#prefix(call), call.isLong ? new Agent() : this.#agent);
    const response = await settle(once(request));
    const { statusCode = 0 } = response;
    if (statusCode < 400) return response;
    throw engineError(call, statusCode, await buffer(response).catch(() => Buffer.alloc(0)));
  }

  /** Turns the connection into a raw one that carries the streams of a process. Owned by the caller. */
  async hijack(call: EngineCall): Promise<Duplex> {
    const upgrade = { ...call, headers: { Connection: 'Upgrade', Upgrade: 'tcp', ...call.headers } };
    const { request, settle } = this.#send(upgrade, await this.#prefix(call), new Agent());
    type Answer = { readonly socket: Duplex } | { readonly refused: IncomingMessage };
    const answer = await settle(
      new Promise<Answer>((resolve, reject) => {
        request
          .once('upgrade', (_response, socket, head) => {
            if (head.length > 0) socket.unshift(head);
            resolve({ socket });
          })
          .once('response', (refused) => resolve({ refused }))
          .once('error', reject);
      }),
    );
    if ('socket' in answer) return answer.socket;
    throw engineError(call, answer.refused.statusCode ?? 0, await buffer(answer.refused).catch(() => Buffer.alloc(0)));
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The engine's version is asked for once, and again after it was not there. */
  async #prefix({ signal }: EngineCall): Promise<string> {
    this.#version ??= this.#negotiate();
    try {
      return await untilAborted(this.#version, signal);
    } catch (error) {
      this.#version = undefined;
      throw error;
    }
  }

  async #negotiate(): Promise<string> {
    const call: EngineCall = { method: 'GET', path: '/version' };
    const { request, settle } = this.#send(call, '', this.#agent);
    const response = await settle(once(request));
    const bytes = await buffer(response);
    if (response.statusCode !== 200) throw engineError(call, response.statusCode ?? 0, bytes);
    const { MinAPIVersion = API_VERSION } = JSON.parse(bytes.toString()) as { MinAPIVersion?: string };
    return `/v${isOlder(API_VERSION, MinAPIVersion) ? MinAPIVersion : API_VERSION}`;
  }

  #send(call: EngineCall, prefix: string, agent: Agent) {
    const { method, path, body, headers = {}, timeoutMs = this.#timeoutMs, signal } = call;
    signal?.throwIfAborted();
    const isRaw = body === undefined || Buffer.isBuffer(body) || body instanceof Readable;
    const bytes = isRaw ? body : Buffer.from(JSON.stringify(body));
    const length = Buffer.isBuffer(bytes) ? { 'Content-Length': bytes.length } : {};
    const type = isRaw ? {} : { 'Content-Type': 'application/json' };
    const request = httpRequest({
      ...this.#target(),
      agent,
      method,
      path: `${prefix}${path}${queryText(call.query)}`,
      headers: { Host: 'docker', ...length, ...type, ...headers },
    });
    if (bytes instanceof Readable) bytes.on('error', (error) => request.destroy(error)).pipe(request);
    else request.end(bytes);
    const settle = <T>(answer: Promise<T>): Promise<T> => this.#settle(call, request, answer, timeoutMs);
    return { request, settle };
  }

  async #settle<T>(call: EngineCall, request: ClientRequest, answer: Promise<T>, timeoutMs: number): Promise<T> {
    const abort = () => request.destroy(new Error('aborted'));
    call.signal?.addEventListener('abort', abort, { once: true });
    // The socket's own timer: an engine that is stuck must not hold up whoever asks.
    if (timeoutMs > 0) request.setTimeout(timeoutMs, () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    try {
      const result = await answer;
      // From here on the stream may be silent for as long as it likes.
      request.setTimeout(0);
      request.on('error', () => undefined);
      return result;
    } catch (error) {
      call.signal?.throwIfAborted();
      this.#version = undefined;
      throw unreachable(this.#name(), call, error);
    } finally {
      call.signal?.removeEventListener('abort', abort);
    }
  }

  #target(): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
    const { address } = this;
    return address.type === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
  }

  #name(): string {
    return addressText(this.address);
  }
}

/** A filter as the Engine API wants it in the query. */
export function filters(filter: Readonly<Record<string, readonly string[]>>): string {
  return JSON.stringify(filter);
}

/** Compares versions such as `1.41`. */
export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split('.').map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}

function once(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => void request.once('response', resolve).once('error', reject));
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function queryText(query: Query = {}): string {
  const entries = Object.entries(query).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
  return entries.length === 0 ? '' : `?${new URLSearchParams(entries).toString()}`;
}
