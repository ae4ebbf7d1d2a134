import { errorMessage, STATUS_CODES } from '@keelson/base';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { feed } from './feed.ts';
import { acceptSpdy, prepareSocket, refuse, upgradeKind, words } from './handshake.ts';
import type { PortForwardTarget } from './remote-session.ts';
import { SpdyConnection } from './spdy/spdy-connection.ts';
import type { SpdyStream } from './spdy/spdy-stream.ts';
import { WebSocketChannels } from './websocket-channels.ts';
import { acceptWebSocket } from './websocket/handshake.ts';
import { WebSocketStream } from './websocket/websocket-stream.ts';

/** SPDY frames in binary WebSocket messages: one connection for any number of forwarded ones. */
export const PORT_FORWARD_TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const SPDY_PROTOCOL = 'portforward.k8s.io';
const WEBSOCKET_PROTOCOLS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', ''] as const;

/**
 * Serves a port-forward on an upgraded connection: over SPDY/3.1, over SPDY in a WebSocket, or over WebSocket channels (two for each
 * port in the query). Answers 400 or 403 if the request asks for something else. Resolves when it is over and owns the socket; never
 * rejects.
 */
export async function handlePortForwardUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: PortForwardTarget,
): Promise<void> {
  prepareSocket(socket, head);
  switch (upgradeKind(request)) {
    case 'none':
      refuse(socket, STATUS_CODES.BadRequest, 'unable to upgrade: missing upgrade headers in request');
      return;
    case 'websocket':
      return handleWebSocket(request, socket, target);
    case 'spdy':
      if (acceptSpdy(request, socket, [SPDY_PROTOCOL]) !== undefined) await serveSpdy(socket, target);
  }
}

async function handleWebSocket(request: IncomingMessage, socket: Duplex, target: PortForwardTarget): Promise<void> {
  const ports = portsOf(request);
  const isTunnel = words(request.headers['sec-websocket-protocol']).includes(PORT_FORWARD_TUNNEL);
  if (!isTunnel && (ports === undefined || ports.length === 0)) {
    refuse(socket, STATUS_CODES.BadRequest, 'query parameter "port" is required, and must be numbers from 1 to 65535');
    return;
  }
  const protocol = acceptWebSocket(request, socket, isTunnel ? [PORT_FORWARD_TUNNEL] : WEBSOCKET_PROTOCOLS);
  if (protocol === undefined) return;
  if (isTunnel) await serveSpdy(new WebSocketStream({ socket, role: 'server' }), target);
  else await serveChannels({ socket, protocol }, ports ?? [], target);
}

/** From the query (`port` or `ports`, repeated or with commas); undefined if one of them is no port. */
function portsOf(request: IncomingMessage): number[] | undefined {
  const query = new URL(request.url ?? '/', 'http://localhost').searchParams;
  const ports = [...query.getAll('port'), ...query.getAll('ports')].flatMap((text) => text.split(',')).map(Number);
  return ports.every(isPort) ? ports : undefined;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65_536;
}

/** Two streams a connection, told to belong together by `requestID`: its data, and what went wrong. */
async function serveSpdy(socket: Duplex, target: PortForwardTarget): Promise<void> {
  const waiting = new Map<string, SpdyStream>();
  const onStream = (stream: SpdyStream): void => {
    const { streamtype: type, port = '', requestid } = stream.headers;
    if ((type !== 'data' && type !== 'error') || !isPort(Number(port))) return void stream.destroy();
    // Old clients name no request; they open the error stream, and right after it the data stream.
    const key = requestid ?? String(type === 'error' ? stream.id : stream.id - 2);
    const other = waiting.get(key);
    if (!other) {
      waiting.set(key, stream);
      stream.once('close', () => waiting.get(key) === stream && waiting.delete(key));
      return;
    }
    waiting.delete(key);
    const [data, error] = type === 'data' ? [stream, other] : [other, stream];
    void forward({ port: Number(port), data, error }, target);
  };
  const connection = new SpdyConnection({ socket, role: 'server', onStream });
  await connection.closed;
}

/** A data and an error channel for each port, all of them there from the beginning; each starts with its port's number. */
async function serveChannels(
  { socket, protocol }: { readonly socket: Duplex; readonly protocol: string },
  ports: readonly number[],
  target: PortForwardTarget,
): Promise<void> {
  const encoding = protocol.includes('base64') ? 'base64' : 'binary';
  const channels = new WebSocketChannels({ socket, role: 'server', encoding, canHalfClose: false });
  const pairs = ports.map((port, index) => ({
    port,
    data: channels.channel(2 * index, 'both'),
    error: channels.channel(2 * index + 1, 'both'),
  }));
  for (const { port, data, error } of pairs) {
    const number = Buffer.from([port & 0xff, port >> 8]);
    data.write(number);
    error.write(number);
  }
  await Promise.race([Promise.all(pairs.map((pair) => forward(pair, target))), channels.closed]);
  for (const { data } of pairs) data.destroy();
  channels.close();
  await channels.closed;
}

interface ForwardedConnection {
  readonly port: number;
  readonly data: Duplex;
  readonly error: Duplex;
}

/** Moves bytes both ways until the pod's end is done. A failure is told on the error stream. Never rejects. */
async function forward({ port, data, error }: ForwardedConnection, target: PortForwardTarget): Promise<void> {
  error.resume();
  try {
    const remote = await target.open(port);
    remote.on('error', () => undefined); // Shows in the pipeline.
    data.once('close', () => remote.destroy());
    feed(data, remote);
    await pipeline(remote, data).catch((reason: unknown) => {
      if (!data.destroyed) throw reason;
    });
    remote.destroy();
  } catch (reason) {
    error.write(`error forwarding port ${port} to pod: ${errorMessage(reason)}`);
  } finally {
    error.end();
    data.end();
    data.resume();
    // The connection may be closed next: what was written last must be on its way by then.
    await finished(error, { readable: false }).catch(() => undefined);
  }
}
