import { createHash, randomBytes } from 'node:crypto';
import { STATUS_CODES } from '@keelson/base';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { disagreement, negotiate, refuse, words } from '../handshake.ts';

const VERSION = '13';
/** What RFC 6455 has servers append to the key. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What a client sends as `Sec-WebSocket-Key`. */
export function webSocketKey(): string {
  return randomBytes(16).toString('base64');
}

/** What the server must answer to this key as `Sec-WebSocket-Accept`. */
export function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}${GUID}`).digest('base64');
}

/** The headers of a client's request. Subprotocols of Kubernetes need not be tokens of HTTP: they may contain a slash. */
export function webSocketRequestHeaders(key: string, protocols: readonly string[]): Record<string, string> {
  return {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': VERSION,
    'sec-websocket-key': key,
    'sec-websocket-protocol': protocols.join(', '),
  };
}

/**
 * Completes the handshake with the first of the client's subprotocols that is accepted, and gives it; `''` among the accepted ones allows
 * for none at all. Answers a refusal and gives undefined if none fits or the request is malformed.
 */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, accepted: readonly string[]): string | undefined {
  const offered = words(request.headers['sec-websocket-protocol']);
  const protocol = negotiate(offered.length === 0 ? [''] : offered, accepted);
  if (protocol === undefined) {
    refuse(socket, STATUS_CODES.Forbidden, disagreement(offered, accepted));
    return undefined;
  }
  const { 'sec-websocket-key': key = '', 'sec-websocket-version': version } = request.headers;
  if (request.method !== 'GET' || version !== VERSION || Buffer.from(key, 'base64').length !== 16) {
    refuse(socket, STATUS_CODES.BadRequest, 'malformed WebSocket handshake', [`Sec-WebSocket-Version: ${VERSION}`]);
    return undefined;
  }
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${webSocketAccept(key)}`,
    ...(protocol === '' ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return protocol;
}
