import { badRequest, statusOf } from '@keelson/api';
import { errorMessage, KeelsonError } from '@keelson/base';
import { handleReadUpgrade } from '@keelson/streaming';
import type { Duplex, Readable } from 'node:stream';
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { AuthenticatorChain } from '../auth/authenticators.ts';
import { impersonated } from '../auth/impersonation.ts';
import type { ApiServer } from '../api-server.ts';
import type { UserInfo } from '../registry/strategy.ts';
import type { ApiRequest } from '../request/api-request.ts';
import { Query } from '../request/query.ts';
import { parsePath, type RequestInfo } from '../request/request-info.ts';
import type { RequestLabels } from '../request/request-labels.ts';
import type { RequestMetrics } from '../request/request-metrics.ts';
import type { ApiResult, ContentResult } from '../response/api-result.ts';
import { negotiate, type Representation } from '../response/representation.ts';
import type { Exchange, HeaderValues } from './exchange.ts';
import { InFlight, type Flight, type InFlightLimits } from './in-flight.ts';
import { ResultSender, type Answer } from './result-sender.ts';
import { addWarnings } from './warnings.ts';
import { serveWatchUpgrade, type UpgradeRequest } from './watch-upgrade.ts';

const BODY_LIMIT_BYTES = 3 * 1024 * 1024;
const JSON_FORM: Representation = { as: 'object', mediaType: 'application/json' };
/** Clients that people read the answers of. */
const FOR_PEOPLE = /^(curl|Wget|Mozilla)\//;

/** Subresources that are streams in a protocol of their own. */
const STREAMS = new Set(['attach', 'exec', 'portforward', 'proxy']);

type PeerCertificate = { subject: Record<string, string | string[]>; fingerprint256: string };

/** Hot path: one HTTP request, from its headers to its answer. */
export class RequestServer {
  readonly inFlight: InFlight;
  readonly #metrics: RequestMetrics;
  readonly #server: ApiServer;
  readonly #authenticators: AuthenticatorChain;
  readonly #sender: ResultSender;
  readonly #certificates = new WeakMap<object, PeerCertificate | 'none' | 'untrusted'>();

  constructor(server: ApiServer, limits: InFlightLimits) {
    this.#server = server;
    this.#authenticators = new AuthenticatorChain(server.authenticators);
    this.inFlight = new InFlight(server.clock, limits);
    this.#metrics = server.requests;
    this.#sender = new ResultSender(server.clock, server.representer);
  }

  /** Answers. Never rejects. */
  async serve(exchange: Exchange): Promise<void> {
    const answer = plainAnswer(exchange);
    const [path, queryText] = splitUrl(exchange.url);
    const incoming = { answer, path, query: Query.parse(queryText), info: parsePath(path) };
    let flight: Flight | undefined;
    try {
      flight = this.inFlight.begin(isWrite(exchange.method), () => this.#timeOut(answer));
      const code = await this.#answer(incoming, flight);
      this.#record(incoming, code, flight);
    } catch (error) {
      const code = await this.#fail(answer, error);
      this.#record(incoming, code, flight);
    }
    if (flight && !flight.isLong) this.inFlight.end(flight);
  }

  /** Whether a path may lead to another protocol; elsewhere the wish for one is ignored, as HTTP allows. */
  mayUpgrade(url: string, protocol: string | undefined): boolean {
    const [path, queryText] = splitUrl(url);
    const { isResource, group, version, subresource, name, legacyWatch } = parsePath(path);
    if (!isResource) return false;
    const isWebSocket = protocol?.toLowerCase() === 'websocket';
    if (subresource === 'log') return isWebSocket;
    if (subresource === undefined) return isWebSocket && isWatch({ name, legacyWatch }, Query.parse(queryText));
    return STREAMS.has(subresource) || this.#server.extensionServers.find(group, version) !== undefined;
  }

  /** Answers a request that asks for another protocol. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    const { headers, method = 'GET', url = '/' } = request;
    const [path, queryText] = splitUrl(url);
    const query = Query.parse(queryText);
    const info = parsePath(path);
    const labels = this.#labelsOf({ path, query }, { method, headers }, true);
    try {
      const user = await this.#authenticate(headers, request.socket);
      const { accept, 'user-agent': userAgent } = headers;
      const asked: ApiRequest = { method, path, query, user, body: undefined, accept, userAgent, signal: undefined };
      const result = await this.#server.handle(asked, () => undefined);
      const serve = this.#upgraded({ request, socket, head }, result, () => this.#representationFor(info, query, accept));
      this.#metrics.record(labels, 101, undefined);
      this.#metrics.longRunning(labels, 1);
      await serve().finally(() => this.#metrics.longRunning(labels, -1));
    } catch (error) {
      const code = refuseUpgrade(socket, error);
      this.#metrics.record(labels, code, undefined);
    }
  }

  /** What serves the client in the protocol that it has asked for. */
  #upgraded(upgrade: UpgradeRequest, result: ApiResult, representation: () => Representation): () => Promise<void> {
    const { request, socket, head } = upgrade;
    if (isStream(result)) return () => handleReadUpgrade(request, socket, head, result.body as Readable);
    if (result.type === 'watch') {
      const includeObject = Query.parse(splitUrl(request.url ?? '')[1]).get('includeObject');
      const format = this.#server.representer.watchFormat(representation(), result.definition, includeObject);
      return () => serveWatchUpgrade(upgrade, { result, format, clock: this.#server.clock });
    }
    if (result.type !== 'connect') throw badRequest('Upgrade request required');
    return async () => result.serve({ request, upgrade: { socket, head } });
  }

  async #answer(incoming: Incoming, flight: Flight): Promise<number> {
    const { answer, path, query, info } = incoming;
    const { exchange } = answer;
    const { headers, method } = exchange;
    const user = await this.#authenticate(headers, exchange.socket);
    // What another server answers is for that one to read, and comes in the forms that it has.
    const isForwarded =
      info.subresource === 'proxy' || this.#server.extensionServers.find(info.group, info.version) !== undefined;
    if (!isForwarded) answer.representation = this.#representationFor(info, query, headers.accept);
    answer.pretty = query.has('pretty') ? query.flag('pretty') : FOR_PEOPLE.test(headers['user-agent'] ?? '');
    answer.includeObject = query.get('includeObject');
    const hasBody = method !== 'GET' && method !== 'HEAD' && !isForwarded;
    const data = hasBody ? await exchange.readBody(BODY_LIMIT_BYTES) : undefined;
    const warnings: string[] = [];
    const request: ApiRequest = {
      method,
      path,
      query,
      user,
      body: data && data.length > 0 ? { type: 'bytes', data, contentType: headers['content-type'] } : undefined,
      accept: headers.accept,
      acceptEncoding: textOf(headers['accept-encoding']),
      ifNoneMatch: headers['if-none-match'],
      userAgent: headers['user-agent'],
      signal: undefined,
    };
    const result = await this.#server.handle(request, (text) => warnings.push(text));
    if (warnings.length > 0) addWarnings(answer.headers, warnings);
    if (exchange.hasBegun) return 504;
    if (result.type === 'watch' || result.type === 'connect' || isStream(result)) this.#becomeLong(incoming, flight);
    if (result.type !== 'connect') return this.#sender.send(answer, result);
    await result.serve(exchange.raw(answer.headers));
    return 200;
  }

  /** Only objects come in several forms; other paths choose for themselves. */
  #representationFor(info: RequestInfo, query: Query, accept: string | undefined): Representation {
    const { isResource, group, version, resource, subresource, name, legacyWatch } = info;
    if (!isResource || subresource === 'log') return JSON_FORM;
    return negotiate(accept, this.#server.registry.find(group, version, resource), isWatch({ name, legacyWatch }, query));
  }

  #becomeLong(incoming: Incoming, flight: Flight): void {
    this.inFlight.becomesLong(flight);
    const labels = this.#labelsOf(incoming, incoming.answer.exchange, true);
    this.#metrics.longRunning(labels, 1);
    incoming.answer.exchange.onClose(() => {
      this.#metrics.longRunning(labels, -1);
      this.inFlight.end(flight);
    });
  }

  async #authenticate(headers: Exchange['headers'], socket: Exchange['socket']): Promise<UserInfo> {
    const certificate = this.#certificateOf(socket);
    const shown =
      typeof certificate === 'object'
        ? { headers, peerCertificate: certificate }
        : { headers, hasUntrustedCertificate: certificate === 'untrusted' };
    return impersonated(await this.#authenticators.authenticate(shown), headers, this.#server.authorizer);
  }

  /** Read once a connection. */
  #certificateOf(socket: Exchange['socket']): PeerCertificate | 'none' | 'untrusted' {
    let found = this.#certificates.get(socket);
    if (found === undefined) {
      found = readCertificate(socket);
      this.#certificates.set(socket, found);
    }
    return found;
  }

  #timeOut(answer: Answer): void {
    if (answer.exchange.hasBegun) return;
    const error = new KeelsonError('Timeout', 'Timeout: request did not complete within the allotted timeout', { details: {} });
    // It fails if the client has gone, who does not need it then.
    this.#sender.sendError(answer, error).catch(() => undefined);
  }

  async #fail(answer: MutableAnswer, error: unknown): Promise<number> {
    const { exchange } = answer;
    const isExpected = error instanceof KeelsonError;
    if (!isExpected)
      this.#server.logger.error('request failed', { url: exchange.url, error: errorMessage(error), stack: stackOf(error) });
    if (exchange.hasBegun) {
      exchange.destroy();
      return 500;
    }
    // Errors come as JSON, or as YAML to those who asked for it.
    answer.representation = { ...JSON_FORM, mediaType: answer.representation.mediaType };
    try {
      return await this.#sender.sendError(answer, error);
    } catch (failure) {
      this.#server.logger.debug('cannot answer', { url: exchange.url, error: errorMessage(failure) });
      exchange.destroy();
      return 500;
    }
  }

  #record(incoming: Incoming, code: number, flight: Flight | undefined): void {
    const isLong = flight?.isLong === true;
    const durationMs = flight && !isLong ? this.#server.clock.monotonic() - flight.startMs : undefined;
    this.#metrics.record(this.#labelsOf(incoming, incoming.answer.exchange, isLong), code, durationMs);
  }

  #labelsOf({ path, query }: Pick<Incoming, 'path' | 'query'>, { method, headers }: RequestHead, isLong: boolean): RequestLabels {
    return this.#metrics.labels({ method, path, isDryRun: query.has('dryRun'), contentType: headers['content-type'], isLong });
  }
}

interface Incoming {
  readonly answer: MutableAnswer;
  readonly path: string;
  readonly query: Query;
  readonly info: RequestInfo;
}

type RequestHead = Pick<Exchange, 'method' | 'headers'>;

type MutableAnswer = { -readonly [K in keyof Answer]: Answer[K] };

function plainAnswer(exchange: Exchange): MutableAnswer {
  const given = exchange.headers['audit-id'];
  const headers: HeaderValues = {
    'Audit-Id': typeof given === 'string' && given.length <= 64 ? given : crypto.randomUUID(),
    'Cache-Control': 'no-cache, private',
  };
  return { exchange, headers, representation: JSON_FORM, pretty: false, includeObject: undefined };
}

function isWatch({ name, legacyWatch }: Pick<RequestInfo, 'name' | 'legacyWatch'>, query: Query): boolean {
  return legacyWatch || (name === undefined && query.flag('watch'));
}

function splitUrl(url: string): [path: string, query: string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

function isWrite(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

function isStream(result: ApiResult): result is ContentResult {
  return result.type === 'content' && typeof result.body !== 'string' && !(result.body instanceof Uint8Array);
}

function readCertificate(socket: Exchange['socket']): PeerCertificate | 'none' | 'untrusted' {
  const { authorized, getPeerCertificate } = socket as Partial<TLSSocket>;
  // An empty object stands for none.
  const certificate = getPeerCertificate?.call(socket) as unknown as PeerCertificate | undefined;
  if (certificate?.subject === undefined) return 'none';
  return authorized === true ? certificate : 'untrusted';
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}

/** A socket that waits for an upgrade has no response object. Gives the status. */
function refuseUpgrade(socket: Duplex, error: unknown): number {
  const status = statusOf(error);
  const { code = 500 } = status;
  const body = `${JSON.stringify(status)}\n`;
  socket.end(
    `HTTP/1.1 ${code} ${status.reason ?? 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
  return code;
}
