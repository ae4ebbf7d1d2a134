import http from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Container, HTTPGetAction } from '@keelson/api/core/v1';
import { KeelsonError } from '@keelson/base';

export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  /** At most 10 KiB. */
  readonly body: string;
}

const MAX_BODY_BYTES = 10_240;
const MAX_REDIRECTS = 10;

export interface HttpCall {
  readonly action: HTTPGetAction;
  readonly container: Container;
  readonly userAgent: string;
  /** Opens a connection to the port. */
  readonly dial: (port: number) => Promise<Duplex>;
  /** What the Host header says without one of the user's. */
  readonly host: string;
  readonly signal: AbortSignal;
}

/** A port of an action: a number, or the name of one of the container's ports. */
export function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  const found = named ?? (/^\d+$/.test(port) ? Number(port) : undefined);
  if (found === undefined) throw new KeelsonError('BadRequest', `couldn't find port: ${port}`);
  return found;
}

/**
 * GET as probes and hooks make it: certificates are not checked, redirects are followed on the same host only. Rejects after ten of them.
 */
export async function httpGet(call: HttpCall): Promise<HttpAnswer> {
  const { action, container, host } = call;
  const path = action.path ?? '/';
  const scheme = action.scheme === 'HTTPS' ? 'https' : 'http';
  const authority = host.includes(':') ? `[${host}]` : host;
  const first = new URL(`${scheme}://${authority}:${portNumber(action.port, container)}`);
  let url = first;
  for (let redirects = 0; ; redirects += 1) {
    const answer = await once(call, url, redirects === 0 ? absolute(path) : url.pathname + url.search);
    const { location, status } = answer;
    if (status < 300 || status > 399 || location === undefined) return answer;
    const next = new URL(location, redirects === 0 ? new URL(absolute(path), url) : url);
    if (next.hostname !== first.hostname) return answer;
    if (redirects >= MAX_REDIRECTS - 1) throw new KeelsonError('InternalError', `stopped after ${MAX_REDIRECTS} redirects`);
    url = next;
  }
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}

async function once(call: HttpCall, url: URL, path: string): Promise<HttpAnswer> {
  const port = portOf(url);
  const plain = await call.dial(port);
  const connection = url.protocol === 'https:' ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
  try {
    return await request(connection, path, headersOf(call, port), call.signal);
  } finally {
    connection.destroy();
    plain.destroy();
  }
}

/** A header may come several times. One of the defaults that is set to nothing is not sent at all. */
function headersOf({ action, host, userAgent }: HttpCall, port: number): Record<string, string | string[]> {
  const own = new Map<string, string[]>();
  for (const { name, value } of action.httpHeaders ?? []) {
    const key = name.toLowerCase();
    own.set(key, [...(own.get(key) ?? []), value]);
  }
  const defaults: Record<string, string> = { 'user-agent': userAgent, accept: '*/*', host: `${host}:${port}` };
  const headers: Record<string, string | string[]> = { connection: 'close' };
  for (const [name, value] of Object.entries(defaults)) if (!own.has(name)) headers[name] = value;
  for (const [name, values] of own) {
    const [first = ''] = values;
    if (name in defaults) {
      if (first !== '') headers[name] = first;
    } else headers[name] = values;
  }
  return headers;
}

function request(
  connection: Duplex,
  path: string,
  headers: Record<string, string | string[]>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const sent = http.request({ createConnection: () => connection, path, headers, method: 'GET', signal }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const finish = () => {
        const body = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString();
        resolve({ status: response.statusCode ?? 0, location: response.headers.location, body });
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= MAX_BODY_BYTES) finish();
      });
      response.on('end', finish);
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}
