import { STATUS_CODES } from '@keelson/base';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { disagreement, negotiate, refuse, words } from './handshake.ts';

/** Far above what clients send at once; a message is held in memory. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface AcceptedWebSocket {
  readonly socket: WebSocket;
  /** Empty if the client named none. */
  readonly protocol: string;
}

/**
 * Completes the handshake with the first of the client's subprotocols that is accepted; `''` among the accepted ones allows for none at
 * all. Answers a refusal and gives undefined if none fits or the request is malformed.
 */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  accepted: readonly string[],
): Promise<AcceptedWebSocket | undefined> {
  const offered = words(request.headers['sec-websocket-protocol']);
  const protocol = negotiate(offered.length === 0 ? [''] : offered, accepted);
  if (protocol === undefined) {
    refuse(socket, STATUS_CODES.Forbidden, disagreement(offered, accepted));
    return Promise.resolve(undefined);
  }
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_MESSAGE_BYTES,
    handleProtocols: () => protocol || false,
  });
  return new Promise((resolve) => {
    // A malformed handshake is answered by the server, which then ends the connection.
    socket.once('close', () => resolve(undefined));
    server.once('wsClientError', () => resolve(undefined));
    server.on('wsClientError', (_error, broken: Duplex) =>
      refuse(broken, STATUS_CODES.BadRequest, 'malformed WebSocket handshake'),
    );
    server.handleUpgrade(request, socket, head, (websocket) => resolve({ socket: websocket, protocol }));
  });
}
