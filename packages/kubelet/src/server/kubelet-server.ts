import {
  createServer as createHttp,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttps } from 'node:https';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { errorMessage, KeelsonError, type Logger, type Runnable } from '@keelson/base';
import { parseTime, statusOf, stringifyJson } from '@keelson/api';
import { handlePortForwardUpgrade, handleRemoteCommandUpgrade } from '@keelson/streaming';
import type { Subscription } from 'rxjs';
import type { ServingOptions } from '../options.ts';
import { authorizeRequest } from './auth.ts';
import { documentAt, type DocumentSources } from './documents.ts';
import type { ContainerName, LogQuery } from './node-api.ts';

export interface KubeletServerDependencies extends DocumentSources {
  readonly logger: Logger;
}

const STREAMS = new Set(['exec', 'attach', 'portForward']);

/** The kubelet's HTTPS API, as API servers, kubectl and metrics collectors call it. */
export class KubeletServer implements Runnable {
  readonly name = 'kubelet-server';
  readonly #deps: KubeletServerDependencies;
  readonly #options: ServingOptions;
  readonly #server: Server;
  readonly #upgraded = new Set<Duplex>();
  #renewals: Subscription | undefined;

  constructor(deps: KubeletServerDependencies, options: ServingOptions) {
    this.#deps = deps;
    this.#options = options;
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.#server = options.tls ? this.#secure(options.tls, handle) : createHttp(handle);
    this.#server.on(
      'upgrade',
      (request: IncomingMessage, socket: Duplex, head: Buffer) => void this.#upgrade(request, socket, head),
    );
  }

  /** Rejects if the port is taken. */
  async start(signal: AbortSignal): Promise<void> {
    const { host = '127.0.0.1', port = 10250 } = this.#options;
    this.#server.listen(port, host);
    await once(this.#server, 'listening', { signal });
  }

  #secure(tls: NonNullable<ServingOptions['tls']>, handle: RequestListener): Server {
    const { cert, key, clientCa: ca, renewed$ } = tls;
    const server = createHttps({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, handle);
    this.#renewals = renewed$?.subscribe(({ certificate, privateKey }) => {
      server.setSecureContext({ cert: certificate, key: privateKey, ca });
    });
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address ? address.port : 0;
  }

  async stop(): Promise<void> {
    this.#renewals?.unsubscribe();
    for (const socket of this.#upgraded) socket.destroy();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const url = urlOf(request);
      await authorizeRequest(request, url.pathname, this.#options.authorize);
      response.once('close', this.#counted(request, url));
      await this.#route(request, response, url);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else sendError(response, error);
    }
  }

  /** Only requests that may be made are counted, so that strangers cannot make up labels. */
  #counted(request: IncomingMessage, url: URL): () => void {
    const { clock, metrics } = this.#deps;
    const begunMs = clock.monotonic();
    const first = segmentsOf(url)[0] ?? '';
    const isLongRunning = STREAMS.has(first) || first === 'containerLogs';
    const done = metrics.request(request.method ?? '', first, isLongRunning);
    return () => done((clock.monotonic() - begunMs) / 1000);
  }

  async #route(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const [first = '', ...rest] = segmentsOf(url);
    switch (first) {
      case 'containerLogs':
        if (request.method === 'GET') return this.#logs(rest, url.searchParams, response);
        break;
      case 'run':
        if (request.method === 'POST') return this.#run(rest, url.searchParams, response);
        break;
      case 'exec':
      case 'attach':
      case 'portForward':
        throw new KeelsonError('BadRequest', 'Upgrade request required');
    }
    const found = request.method === 'GET' || request.method === 'HEAD' ? await documentAt(url, this.#deps) : undefined;
    if (!found) throw new KeelsonError('NotFound', '404 page not found');
    send(response, found.code, found.type, found.body);
  }

  async #logs(path: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('the client went away')));
    const log = await this.#deps.api.logs(containerName(path), logQuery(query), gone.signal);
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.flushHeaders();
    await pipeline(log, response).catch((error: unknown) => {
      if (!gone.signal.aborted) this.#deps.logger.info('log stream broke', { error: errorMessage(error) });
    });
  }

  async #run(path: readonly string[], query: URLSearchParams, response: ServerResponse): Promise<void> {
    const { exitCode, stdout, stderr } = await this.#deps.api.run(containerName(path), query.get('cmd')?.split(' ') ?? []);
    const output = Buffer.concat([stdout, stderr]).toString();
    if (exitCode !== 0) throw new KeelsonError('InternalError', `command exited with ${exitCode}: ${output}`);
    send(response, 200, 'text/plain; charset=utf-8', output);
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#upgraded.add(socket);
    socket.once('close', () => this.#upgraded.delete(socket));
    socket.on('error', () => socket.destroy());
    try {
      const url = urlOf(request);
      await authorizeRequest(request, url.pathname, this.#options.authorize);
      socket.once('close', this.#counted(request, url));
      await this.#stream(request, socket, head, url);
    } catch (error) {
      const status = statusOf(error);
      const body = stringifyJson(status);
      const lines = [`HTTP/1.1 ${status.code} ${status.reason}`, 'content-type: application/json', 'connection: close'];
      socket.end(`${lines.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    }
  }

  async #stream(request: IncomingMessage, socket: Duplex, head: Buffer, url: URL): Promise<void> {
    const { api } = this.#deps;
    const [first = '', ...path] = segmentsOf(url);
    const query = url.searchParams;
    if (first === 'portForward') {
      const name = podName(path);
      return handlePortForwardUpgrade(request, socket, head, { open: (port) => api.portForward(name, port) });
    }
    if (first !== 'exec' && first !== 'attach') throw new KeelsonError('NotFound', '404 page not found');
    const name = containerName(path);
    const tty = isTrue(query, 'tty');
    const flags = { stdin: isTrue(query, 'input'), stdout: isTrue(query, 'output'), stderr: isTrue(query, 'error') && !tty, tty };
    if (!flags.stdin && !flags.stdout && !flags.stderr) {
      throw new KeelsonError('BadRequest', 'you must specify at least 1 of stdin, stdout, stderr');
    }
    const command = query.getAll('command');
    const open = () =>
      first === 'exec' ? api.exec(name, command, flags) : api.attach(name, { ...flags, tty: api.hasTty(name) });
    return handleRemoteCommandUpgrade(request, socket, head, { ...flags, open });
  }
}

/** Throws `BadRequest` for what is none: anybody can send anything. */
function urlOf({ url = '/' }: IncomingMessage): URL {
  const found = URL.parse(`http://kubelet${url.startsWith('/') ? '' : '/'}${url}`);
  if (!found) throw new KeelsonError('BadRequest', `not a URL: "${url}"`);
  return found;
}

function segmentsOf({ pathname }: URL): string[] {
  try {
    return pathname.split('/').slice(1).map(decodeURIComponent);
  } catch (cause) {
    throw new KeelsonError('BadRequest', `not a path: "${pathname}"`, { cause });
  }
}

/** `<namespace>/<pod>/<container>`, or with the pod's uid before the container. */
function containerName(path: readonly string[]): ContainerName {
  const [namespace, pod, ...rest] = path;
  const container = rest.at(-1);
  if (!namespace || !pod || !container || rest.length > 2) throw new KeelsonError('NotFound', '404 page not found');
  return { namespace, pod, container, ...(rest.length === 2 && rest[0] !== undefined && { uid: rest[0] }) };
}

function podName([namespace, pod, uid]: readonly string[]): Omit<ContainerName, 'container'> {
  if (!namespace || !pod) throw new KeelsonError('NotFound', '404 page not found');
  return { namespace, pod, ...(uid !== undefined && { uid }) };
}

function isTrue(query: URLSearchParams, name: string): boolean {
  return ['1', 'true', 'True', 'TRUE', 't', 'T'].includes(query.get(name) ?? '');
}

function logQuery(query: URLSearchParams): LogQuery {
  const sinceTime = query.get('sinceTime');
  if (sinceTime !== null && parseTime(sinceTime) === undefined)
    throw new KeelsonError('BadRequest', `sinceTime must be a time by RFC 3339: "${sinceTime}"`);
  const stream = query.get('stream')?.toLowerCase();
  return {
    follow: isTrue(query, 'follow'),
    previous: isTrue(query, 'previous'),
    timestamps: isTrue(query, 'timestamps'),
    ...count(query, 'tailLines'),
    ...count(query, 'sinceSeconds'),
    ...count(query, 'limitBytes'),
    ...(sinceTime !== null && { sinceTime }),
    ...((stream === 'stdout' || stream === 'stderr') && { stream }),
  };
}

function count<K extends string>(query: URLSearchParams, name: K): Partial<Record<K, number>> {
  const text = query.get(name);
  if (text === null) return {};
  if (!/^\d+$/.test(text)) throw new KeelsonError('BadRequest', `${name} must be a number that is not negative: "${text}"`);
  return { [name]: Number(text) } as Partial<Record<K, number>>;
}

function send(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, { 'content-type': type });
  response.end(body);
}

/** Plain text: API servers put it into the message of their own Status. */
function sendError(response: ServerResponse, error: unknown): void {
  const { code = 500, message = '' } = statusOf(error);
  send(response, code, 'text/plain; charset=utf-8', message);
}
