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

/** GET as probes and hooks make it: certificates are not checked, redirects are followed on the same host only. */
export async function httpGet(call: HttpCall): Promise<HttpAnswer> {
  let path = call.action.path ?? '/';
  for (let redirects = 0; ; redirects += 1) {
    const answer = await once(call, path.startsWith('/') ? path : `/${path}`);
    const next = answer.location;
    if (answer.status < 300 || answer.status > 399 || next === undefined || redirects === MAX_REDIRECTS) return answer;
    const url = new URL(next, `http://${call.host}${path.startsWith('/') ? path : `/${path}`}`);
    if (url.hostname !== call.host) return answer;
    path = url.pathname + url.search;
  }
}

async function once(call: HttpCall, path: string): Promise<HttpAnswer> {
  const { action, container, signal } = call;
  const port = portNumber(action.port, container);
  const plain = await call.dial(port);
  const connection = action.scheme === 'HTTPS' ? connectTls({ socket: plain, rejectUnauthorized: false }) : plain;
  try {
    return await request(connection, path, headersOf(call, port), signal);
  } finally {
    connection.destroy();
    plain.destroy();
  }
}

function headersOf({ action, host, userAgent }: HttpCall, port: number): Record<string, string> {
  const headers: Record<string, string> = {
    'user-agent': userAgent,
    accept: '*/*',
    host: `${host}:${port}`,
    connection: 'close',
  };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  return headers;
}

function request(connection: Duplex, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<HttpAnswer> {
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
