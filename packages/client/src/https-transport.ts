import { once } from 'node:events';
import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestOptions,
} from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { deepFreeze, errorOf, parseJson, stringifyJson } from '@keelson/api';
import { errorMessage, KeelsonError } from '@keelson/base';
import { webSocketAccept, webSocketKey, webSocketRequestHeaders } from '@keelson/streaming';
import { Observable, type Subscriber } from 'rxjs';
import type { ClusterConfig } from './kubeconfig.ts';
import type { ApiCall, ApiResponse, Transport, Upgraded, WatchEvent } from './transport.ts';

export interface HttpsTransportOptions {
  /** How long a server may take for an ordinary answer. Default 60 s. */
  readonly timeoutMs?: number;
  readonly userAgent?: string;
  /** Sent with each request. */
  readonly headers?: OutgoingHttpHeaders;
}

const JSON_TYPE = 'application/json';
const CONNECT_MS = 10_000;
/** A longer line in a watch is no object: the largest that Kubernetes stores is a few MiB. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;
/** How often a request that the server was too busy for (429, or 503 with Retry-After) is sent again. */
const MAX_RETRIES = 3;
const MAX_RETRY_AFTER_S = 10;

/** Calls an API server over HTTPS (HTTP/1.1, connections kept open), or over HTTP where the configuration says `http:`. */
export function httpsTransport(config: ClusterConfig, options: HttpsTransportOptions = {}): Transport {
  return new HttpsTransport(config, options);
}

class HttpsTransport implements Transport {
  readonly #server: URL;
  readonly #config: ClusterConfig;
  readonly #agent: Agent;
  readonly #timeoutMs: number;
  readonly #userAgent: string;
  readonly #headers: OutgoingHttpHeaders;

  constructor(config: ClusterConfig, { timeoutMs = 60_000, userAgent = 'keelson', headers = {} }: HttpsTransportOptions) {
    this.#server = new URL(config.server);
    this.#config = config;
    this.#timeoutMs = timeoutMs;
    this.#userAgent = userAgent;
    this.#headers = headers;
    const { ca, certificate: cert, privateKey: key, serverName: servername, skipTlsVerify } = config;
    this.#agent = new Agent({
      keepAlive: true,
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
      ...(servername !== undefined && { servername }),
      ...(skipTlsVerify && { rejectUnauthorized: false }),
    });
  }

  async request(call: ApiCall): Promise<ApiResponse> {
    for (let attempt = 0; ; attempt += 1) {
      const answer = await this.#send(call, { timeoutMs: this.#timeoutMs });
      const text = await readText(answer);
      const { statusCode = 0 } = answer;
      const waitS = Number(answer.headers['retry-after']);
      const isBusy = (statusCode === 429 || statusCode === 503) && waitS > 0;
      if (isBusy && attempt < MAX_RETRIES) await pause(Math.min(waitS, MAX_RETRY_AFTER_S) * 1000, call.signal);
      else return responseOf(answer, text);
    }
  }

  watch(call: ApiCall): Observable<readonly WatchEvent[]> {
    return new Observable((subscriber) => {
      const controller = new AbortController();
      const signal = call.signal ? AbortSignal.any([call.signal, controller.signal]) : controller.signal;
      this.#send({ ...call, signal }, { timeoutMs: this.#timeoutMs })
        .then((answer) => readWatch(answer, subscriber))
        .catch((error: unknown) => !controller.signal.aborted && subscriber.error(error));
      return () => controller.abort();
    });
  }

  async stream(call: ApiCall): Promise<NodeJS.ReadableStream & AsyncIterable<Uint8Array>> {
    const answer = await this.#send(call, { timeoutMs: this.#timeoutMs });
    if ((answer.statusCode ?? 500) >= 400) throw failureOf(answer, await readText(answer));
    return answer;
  }

  async upgrade(call: ApiCall, protocols: readonly string[]): Promise<Upgraded> {
    call.signal?.throwIfAborted();
    const key = webSocketKey();
    const outgoing = await this.#open(call, webSocketRequestHeaders(key, protocols));
    outgoing.setTimeout(this.#timeoutMs, () => outgoing.destroy(timeout(call)));
    outgoing.end();
    const refused = (once(outgoing, 'response') as Promise<[IncomingMessage]>).then(async ([answer]) => {
      throw failureOf(answer, await readText(answer));
    });
    const opened = once(outgoing, 'upgrade') as Promise<[IncomingMessage, Duplex, Buffer]>;
    refused.catch(() => undefined);
    opened.catch(() => undefined);
    const [answer, connection, head] = await Promise.race([opened, refused]).catch((cause: unknown) => {
      call.signal?.throwIfAborted();
      throw unreachable(call, cause);
    });
    outgoing.setTimeout(0);
    const { 'sec-websocket-accept': accept, 'sec-websocket-protocol': protocol = '' } = answer.headers;
    if (accept !== webSocketAccept(key) || !protocols.includes(protocol)) {
      connection.destroy();
      throw new KeelsonError('InternalError', `${call.method} ${call.path}: the server speaks none of ${protocols.join(', ')}`);
    }
    if (head.length > 0) connection.unshift(head);
    return { protocol, connection };
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  async #open(call: ApiCall, headers: Record<string, string>): Promise<ClientRequest> {
    const token = await this.#config.token?.();
    const isPlain = this.#server.protocol === 'http:';
    const options: RequestOptions = {
      method: call.method,
      host: this.#server.hostname.replace(/^\[|\]$/g, ''),
      port: this.#server.port || (isPlain ? 80 : 443),
      path: `${this.#server.pathname.replace(/\/$/, '')}${call.path}${queryText(call.query)}`,
      headers: {
        ...this.#headers,
        'user-agent': this.#userAgent,
        accept: call.accept ?? JSON_TYPE,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(call.signal && { signal: call.signal }),
      // Counts until there is a connection: a machine that is away refuses nothing.
      timeout: Math.min(CONNECT_MS, this.#timeoutMs),
    };
    return isPlain ? httpRequest(options) : httpsRequest({ ...options, agent: this.#agent });
  }

  /** The head of the answer; its body is still to be read. */
  async #send(call: ApiCall, { timeoutMs }: { readonly timeoutMs: number }): Promise<IncomingMessage> {
    call.signal?.throwIfAborted();
    const body = call.body === undefined ? undefined : Buffer.from(stringifyJson(call.body));
    const headers = body ? { 'content-type': call.contentType ?? JSON_TYPE, 'content-length': String(body.length) } : {};
    const outgoing = await this.#open(call, headers);
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(timeout(call)));
    outgoing.end(body);
    try {
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
      outgoing.setTimeout(0);
      return answer;
    } catch (cause) {
      if (call.signal?.aborted) throw call.signal.reason;
      throw unreachable(call, cause);
    }
  }
}

function timeout(call: ApiCall): KeelsonError {
  return new KeelsonError('Timeout', `${call.method} ${call.path}: the server did not answer in time`);
}

function unreachable(call: ApiCall, cause: unknown): unknown {
  if (cause instanceof KeelsonError) return cause;
  return new KeelsonError('ServiceUnavailable', `${call.method} ${call.path}: cannot reach the server: ${errorMessage(cause)}`, {
    cause,
  });
}

function queryText(query: ApiCall['query']): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    for (const each of [value].flat()) search.append(key, String(each));
  }
  return search.size === 0 ? '' : `?${search}`;
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Uint8Array);
  } catch (cause) {
    throw new KeelsonError('ServiceUnavailable', `The answer broke off: ${errorMessage(cause)}`, { cause });
  }
  return Buffer.concat(chunks).toString();
}

function isJson(answer: IncomingMessage): boolean {
  return answer.headers['content-type']?.includes('json') ?? false;
}

function responseOf(answer: IncomingMessage, text: string): ApiResponse {
  if ((answer.statusCode ?? 500) >= 400) throw failureOf(answer, text);
  return {
    status: answer.statusCode ?? 200,
    body: isJson(answer) && text !== '' ? parseJson(text) : text,
    warnings: warningsOf(answer),
  };
}

function failureOf(answer: IncomingMessage, text: string): KeelsonError {
  const code = answer.statusCode ?? 500;
  if (!isJson(answer)) return errorOf({ message: text.trim() || `the server answered ${code}` }, code);
  return errorOf(parseJson(text) as object, code);
}

/** The texts of `Warning: 299 - "..."` (RFC 7234, 5.5). */
function warningsOf({ headers }: IncomingMessage): string[] {
  const header = [headers['warning'] ?? []].flat().join(', ');
  return [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1'));
}

async function readWatch(answer: IncomingMessage, subscriber: Subscriber<readonly WatchEvent[]>): Promise<void> {
  if ((answer.statusCode ?? 500) >= 400) throw failureOf(answer, await readText(answer));
  answer.setEncoding('utf8');
  let rest = '';
  try {
    for await (const chunk of answer) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE_CHARACTERS)
        throw new KeelsonError('InternalError', 'A line of the watch is too long to be an event');
      const events = lines.filter((line) => line !== '').map(eventOf);
      if (events.length > 0) subscriber.next(events);
    }
  } catch (cause) {
    if (cause instanceof KeelsonError) throw cause;
    throw new KeelsonError('ServiceUnavailable', `The watch broke off: ${errorMessage(cause)}`, { cause });
  }
  subscriber.complete();
}

function eventOf(line: string): WatchEvent {
  const event = parseJson(line) as WatchEvent | { readonly type: 'ERROR'; readonly object: object };
  if (event.type === 'ERROR') throw errorOf(event.object);
  return deepFreeze(event);
}

/** Time outside of any clock: how long a server wants to be left alone. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
