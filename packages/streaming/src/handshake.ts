import { STATUS_CODES } from '@keelson/base';
import { STATUS_CODES as HTTP_TEXTS, type IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The header by which SPDY clients and servers agree on what their streams mean. */
export const STREAM_PROTOCOL_HEADER = 'X-Stream-Protocol-Version';

/** What the request asks the connection to become. */
export function upgradeKind(request: IncomingMessage): 'websocket' | 'spdy' | 'none' {
  const connection = words(request.headers.connection).map((word) => word.toLowerCase());
  if (!connection.includes('upgrade')) return 'none';
  const wanted = words(request.headers.upgrade).map((word) => word.toLowerCase());
  if (wanted.includes('websocket')) return 'websocket';
  return wanted.includes('spdy/3.1') ? 'spdy' : 'none';
}

const KEEP_ALIVE_MS = 30_000;

/** Makes a socket that an HTTP server gave away fit for streaming; `head` is what the server has read of it too much. */
export function prepareSocket(socket: Duplex, head: Buffer): void {
  socket.on('error', () => undefined); // Whoever speaks on it sees it close.
  if (head.length > 0) socket.unshift(head);
  if (!(socket instanceof Socket)) return;
  socket.setTimeout(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
}

/** The comma-separated words of a header that may come several times. */
export function words(header: string | string[] | undefined): string[] {
  return [header ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

/** The first of what the client offers, in its order, that the server has. */
export function negotiate(offered: readonly string[], accepted: readonly string[]): string | undefined {
  return offered.find((protocol) => accepted.includes(protocol));
}

/** Agrees on a SPDY stream protocol and switches the connection over, or answers the refusal and returns undefined. */
export function acceptSpdy(request: IncomingMessage, socket: Duplex, accepted: readonly string[]): string | undefined {
  const offered = words(request.headers[STREAM_PROTOCOL_HEADER.toLowerCase()]);
  if (offered.length === 0) {
    refuse(socket, STATUS_CODES.BadRequest, `unable to upgrade: ${STREAM_PROTOCOL_HEADER} header is required`);
    return undefined;
  }
  const protocol = negotiate(offered, accepted);
  if (protocol === undefined) {
    refuse(socket, STATUS_CODES.Forbidden, disagreement(offered, accepted), [
      `X-Accepted-Stream-Protocol-Versions: ${accepted.join(', ')}`,
    ]);
    return undefined;
  }
  const headers = ['Connection: Upgrade', 'Upgrade: SPDY/3.1', `${STREAM_PROTOCOL_HEADER}: ${protocol}`];
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers.join('\r\n')}\r\n\r\n`);
  return protocol;
}

export function disagreement(offered: readonly string[], accepted: readonly string[]): string {
  return `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${accepted.join(' ')}]`;
}

/** Answers an upgrade request with an ordinary HTTP response and ends the connection. */
export function refuse(socket: Duplex, code: number, message: string, headers: readonly string[] = []): void {
  const body = `${message}\n`;
  const head = [
    `HTTP/1.1 ${code} ${HTTP_TEXTS[code] ?? ''}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  socket.on('error', () => undefined); // The client may be gone already; nobody is left to tell.
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
