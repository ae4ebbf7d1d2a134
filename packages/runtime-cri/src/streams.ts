import { request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { KeelsonError } from '@keelson/base';
import {
  openPortForward,
  openRemoteProcess,
  openSpdyPortForward,
  openSpdyProcess,
  PORT_FORWARD_PROTOCOLS,
  REMOTE_PROCESS_PROTOCOLS,
  SPDY_PROTOCOLS,
  spdyRequestHeaders,
  webSocketAccept,
  webSocketKey,
  webSocketRequestHeaders,
  type PortForwardSession,
  type RemoteProcess,
} from '@keelson/streaming';

const HANDSHAKE_TIMEOUT_MS = 30_000;

/**
 * A process at an address that a runtime gave for an exec or attach. SPDY comes first: of the protocols that all runtimes have, it alone can
 * tell the process that its input has ended.
 */
export async function openProcess(
  url: string,
  { stdin, tty }: { readonly stdin: boolean; readonly tty: boolean },
  signal?: AbortSignal,
): Promise<RemoteProcess> {
  const answer = await upgrade(url, spdyRequestHeaders(SPDY_PROTOCOLS.remoteProcess), signal);
  if (answer.socket) return openSpdyProcess({ socket: answer.socket, stdin, tty });
  const { socket, protocol } = await webSocket(url, REMOTE_PROCESS_PROTOCOLS, signal);
  return openRemoteProcess({ socket, protocol });
}

/** Connections to ports of a pod at an address that a runtime gave. */
export async function openPorts(url: string, signal?: AbortSignal): Promise<PortForwardSession> {
  const answer = await upgrade(url, spdyRequestHeaders(SPDY_PROTOCOLS.portForward), signal);
  if (answer.socket) return openSpdyPortForward({ socket: answer.socket });
  return openPortForward(await webSocket(url, PORT_FORWARD_PROTOCOLS, signal));
}

async function webSocket(
  url: string,
  protocols: readonly string[],
  signal: AbortSignal | undefined,
): Promise<{ readonly socket: Duplex; readonly protocol: string }> {
  const key = webSocketKey();
  const { socket, response } = await upgrade(url, webSocketRequestHeaders(key, protocols), signal);
  if (!socket) throw new KeelsonError('InternalError', `The runtime refuses to stream: ${(await text(response)).trim()}`);
  const protocol = String(response.headers['sec-websocket-protocol'] ?? '');
  if (response.headers['sec-websocket-accept'] === webSocketAccept(key) && protocols.includes(protocol))
    return { socket, protocol };
  socket.destroy();
  throw new KeelsonError('InternalError', `The runtime does not stream by any of ${protocols.join(', ')}`);
}

/** Without a socket if the server does not agree. */
async function upgrade(
  url: string,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal | undefined,
): Promise<{ readonly socket?: Duplex; readonly response: IncomingMessage }> {
  const limit = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS);
  const outgoing = request(url, { method: 'POST', headers, signal: signal ? AbortSignal.any([signal, limit]) : limit });
  const answer = new Promise<{ socket?: Duplex; response: IncomingMessage }>((resolve, reject) => {
    outgoing.once('response', (response) => resolve({ response }));
    outgoing.once('error', reject);
    outgoing.once('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve({ response, socket });
    });
  });
  outgoing.end();
  try {
    return await answer;
  } catch (error) {
    signal?.throwIfAborted();
    throw new KeelsonError('ServiceUnavailable', `The runtime cannot be reached at "${new URL(url).origin}"`, { cause: error });
  }
}
