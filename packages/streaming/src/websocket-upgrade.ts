import { STATUS_CODES } from '@keelson/base';
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { prepareSocket, refuse, upgradeKind } from './handshake.ts';
import { acceptWebSocket } from './websocket/handshake.ts';
import { WebSocketConnection } from './websocket/websocket-connection.ts';

/** A WebSocket on which only the server speaks, as for watches and logs. What the client sends is dropped. */
export interface WebSocketSender {
  /** The subprotocol that was agreed on; empty for none. */
  readonly protocol: string;
  /** Resolves when the client's going away, or `close`, has ended it; never rejects. */
  readonly closed: Promise<void>;
  /** Sends one message. Resolves when the connection takes more; rejects once it is over. */
  send(data: Uint8Array, kind: 'binary' | 'text'): Promise<void>;
  /** Ends the connection, after what has been sent so far. */
  close(): void;
}

/** True if a request asks to become a WebSocket. */
export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  return upgradeKind(request) === 'websocket';
}

/**
 * Accepts a WebSocket to send messages on, with one of these subprotocols; `''` allows for none. Answers a refusal and gives undefined if
 * the request asks for something else. Owns the socket in any case.
 */
export function acceptWebSocketSender(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocols: readonly string[],
): WebSocketSender | undefined {
  prepareSocket(socket, head);
  if (!isWebSocketUpgrade(request)) {
    refuse(socket, STATUS_CODES.BadRequest, 'unable to upgrade: missing upgrade headers in request');
    return undefined;
  }
  const protocol = acceptWebSocket(request, socket, protocols);
  if (protocol === undefined) return undefined;
  const connection = new WebSocketConnection({ socket, role: 'server', onMessage: () => undefined });
  return {
    protocol,
    closed: connection.closed,
    send: (data, kind) =>
      new Promise((resolve, reject) => connection.send([data], kind, (error) => (error ? reject(error) : resolve()))),
    close: () => connection.close(),
  };
}

/**
 * Serves bytes, such as a container's log, as messages of a WebSocket: binary, or base64 in texts, as the subprotocol says. Destroys
 * `source` when the client goes away. Resolves when it is over; never rejects.
 */
export async function handleReadUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, source: Readable): Promise<void> {
  const sender = acceptWebSocketSender(request, socket, head, ['binary.k8s.io', 'base64.binary.k8s.io', '']);
  if (!sender) {
    source.destroy();
    return;
  }
  void sender.closed.then(() => source.destroy());
  const isText = sender.protocol.startsWith('base64');
  try {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      await (isText ? sender.send(Buffer.from(chunk.toString('base64')), 'text') : sender.send(chunk, 'binary'));
    }
  } catch {
    // The source failed, or the client is gone: either way the stream ends here.
  }
  sender.close();
  await sender.closed;
}
