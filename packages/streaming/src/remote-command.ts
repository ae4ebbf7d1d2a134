import { STATUS_CODES, SystemClock } from '@keelson/base';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { acceptSpdy, prepareSocket, refuse, upgradeKind } from './handshake.ts';
import type { RemoteCommand } from './remote-session.ts';
import { type ClientStreams, runCommand } from './run-command.ts';
import { SpdyConnection } from './spdy/spdy-connection.ts';
import type { SpdyStream } from './spdy/spdy-stream.ts';
import { type ChannelUse, WebSocketChannels } from './websocket-channels.ts';
import { acceptWebSocket } from './websocket/handshake.ts';

/** Subprotocols of exec and attach over WebSocket. Without one the client gets plain binary channels. */
export const REMOTE_COMMAND_PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
] as const;

/** Stream protocols of exec and attach over SPDY. */
const SPDY_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;

export const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

const OPEN_STREAMS_MS = 30_000;

/**
 * Serves an exec or attach on an upgraded connection, over WebSocket or SPDY/3.1, as the request's headers ask; answers 400 or 403 if
 * they ask for something else. Resolves when it is over and owns the socket; never rejects.
 */
export async function handleRemoteCommandUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  command: RemoteCommand,
): Promise<void> {
  prepareSocket(socket, head);
  switch (upgradeKind(request)) {
    case 'none':
      refuse(socket, STATUS_CODES.BadRequest, 'unable to upgrade: missing upgrade headers in request');
      return;
    case 'websocket': {
      const protocol = acceptWebSocket(request, socket, REMOTE_COMMAND_PROTOCOLS);
      if (protocol !== undefined) await serveWebSocket(socket, protocol, command);
      return;
    }
    case 'spdy': {
      const protocol = acceptSpdy(request, socket, SPDY_PROTOCOLS);
      if (protocol !== undefined) await serveSpdy(socket, protocol, command);
    }
  }
}

async function serveWebSocket(socket: Duplex, protocol: string, command: RemoteCommand): Promise<void> {
  const channels = new WebSocketChannels({
    socket,
    role: 'server',
    encoding: protocol.includes('base64') ? 'base64' : 'binary',
    canHalfClose: protocol.startsWith('v5.'),
  });
  const channel = (isWanted: boolean, name: keyof typeof CHANNEL, use: ChannelUse) =>
    isWanted ? channels.channel(CHANNEL[name], use) : undefined;
  const client: ClientStreams = {
    stdin: channel(command.stdin, 'stdin', 'read'),
    stdout: channel(command.stdout, 'stdout', 'write'),
    stderr: channel(command.stderr && !command.tty, 'stderr', 'write'),
    resize: channel(command.tty, 'resize', 'read'),
    error: channels.channel(CHANNEL.error, 'write'),
    statusFormat: /^v[45]\./.test(protocol) ? 'json' : 'text',
    closed: channels.closed,
  };
  // Clients may wait for a first, empty message, which tells them that the streams stand.
  (client.stdout ?? client.stderr ?? client.error).write(Buffer.alloc(0));
  await runCommand(client, command);
  channels.close();
  await channels.closed;
}

async function serveSpdy(socket: Duplex, protocol: string, command: RemoteCommand): Promise<void> {
  const wanted = spdyStreams(protocol, command);
  const streams = new Map<string, SpdyStream>();
  let complete: () => void = () => undefined;
  const allThere = new Promise<'complete'>((resolve) => (complete = () => resolve('complete')));
  const connection = new SpdyConnection({
    socket,
    role: 'server',
    onStream: (stream) => {
      const type = stream.headers['streamtype'] ?? '';
      if (!wanted.includes(type) || streams.has(type)) return void stream.destroy();
      streams.set(type, stream);
      if (streams.size === wanted.length) complete();
    },
  });
  if ((await within(allThere, connection.closed)) === 'complete') await runSpdy(streams, connection, protocol, command);
  connection.close();
  await connection.closed;
}

function runSpdy(
  streams: ReadonlyMap<string, SpdyStream>,
  connection: SpdyConnection,
  protocol: string,
  command: RemoteCommand,
): Promise<void> {
  const error = streams.get('error');
  if (!error) return Promise.resolve();
  for (const type of ['error', 'stdout', 'stderr']) streams.get(type)?.resume(); // Nothing comes in, but for their end.
  const client = {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    resize: streams.get('resize'),
    error,
    statusFormat: protocol.startsWith('v4.') ? ('json' as const) : ('text' as const),
    closed: connection.closed,
  };
  return runCommand(client, command);
}

/** The streams that the client opens before anything begins. */
function spdyStreams(protocol: string, { stdin, stdout, stderr, tty }: RemoteCommand): string[] {
  const hasResize = tty && /^v[34]\./.test(protocol);
  const wanted = { error: true, stdin, stdout, stderr: stderr && !tty, resize: hasResize };
  return Object.entries(wanted).flatMap(([type, isWanted]) => (isWanted ? [type] : []));
}

async function within<T>(wanted: Promise<T>, closed: Promise<void>): Promise<T | undefined> {
  const giveUp = new AbortController();
  const timeout = new SystemClock().sleep(OPEN_STREAMS_MS, giveUp.signal).catch(() => undefined);
  try {
    return (await Promise.race([wanted, closed, timeout])) ?? undefined;
  } finally {
    giveUp.abort();
  }
}
