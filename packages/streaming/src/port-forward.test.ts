import { once } from 'node:events';
import { type Duplex, PassThrough } from 'node:stream';
import { duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { PORT_FORWARD_TUNNEL } from './port-forward.ts';
import type { PortForwardTarget } from './remote-session.ts';
import { SpdyConnection } from './spdy/spdy-connection.ts';
import { readText, StreamServer } from './testing/stream-server.ts';
import { WebSocketChannels } from './websocket-channels.ts';
import { WebSocketStream } from './websocket/websocket-stream.ts';

/** Answers each connection with its port and all it was sent, once that has ended; port 81 has nobody. */
const echo: PortForwardTarget = {
  open: async (port) => {
    if (port === 81) throw new Error('connection refused');
    const [near, far] = duplexPair();
    far.write(`${port}:`);
    far.pipe(far);
    return near;
  },
};

const TRANSPORTS: { name: string; connect: (server: StreamServer) => Promise<Duplex> }[] = [
  { name: 'SPDY', connect: (server) => server.spdy('portforward.k8s.io') },
  {
    name: 'SPDY in a WebSocket',
    connect: async (server) => new WebSocketStream({ socket: await server.websocket([PORT_FORWARD_TUNNEL]), role: 'client' }),
  },
];

describe.each(TRANSPORTS)('port-forward over $name', ({ connect }) => {
  async function open(server: StreamServer) {
    const connection = new SpdyConnection({ socket: await connect(server), role: 'client' });
    const pair = (port: number, requestID: string) => ({
      error: connection.open({ streamType: 'error', port: String(port), requestID }).end() as unknown as Duplex,
      data: connection.open({ streamType: 'data', port: String(port), requestID }) as Duplex,
    });
    return { connection, pair };
  }

  it('moves the bytes of several connections at a time', async () => {
    await using server = await StreamServer.serve({ ports: echo });
    const client = await open(server);
    const pairs = [80, 80, 443].map((port, index) => client.pair(port, String(index)));

    pairs.forEach(({ data }, index) => data.end(`hello ${index}`));
    const texts = await Promise.all(pairs.map(({ data }) => readText(data)));

    expect(texts).toEqual(['80:hello 0', '80:hello 1', '443:hello 2']);
    expect(await Promise.all(pairs.map(({ error }) => readText(error)))).toEqual(['', '', '']);
    client.connection.close();
  });

  it('tells on the error stream that nobody listens, and goes on with others', async () => {
    await using server = await StreamServer.serve({ ports: echo });
    const client = await open(server);
    const [refused, fine] = [client.pair(81, 'a'), client.pair(80, 'b')];

    fine.data.end('x');

    expect(await readText(refused.error)).toBe('error forwarding port 81 to pod: connection refused');
    expect(await readText(refused.data)).toBe('');
    expect(await readText(fine.data)).toBe('80:x');
    client.connection.close();
  });

  it('ends the connection to the pod when the client resets its stream', async () => {
    const remote = new PassThrough();
    await using server = await StreamServer.serve({ ports: { open: async () => remote } });
    const client = await open(server);
    const { data, error } = client.pair(80, 'a');
    data.write('x');
    await once(data, 'data');

    data.destroy();

    await once(remote, 'close');
    expect(await readText(error)).toBe('');
    client.connection.close();
  });
});

describe('port-forward over WebSocket channels', () => {
  it('has two channels for each port, which start with its number', async () => {
    await using server = await StreamServer.serve({ ports: echo });
    const socket = await server.websocket(['v4.channel.k8s.io'], '?ports=80,8081');
    const channels = new WebSocketChannels({ socket, role: 'client', encoding: 'binary', canHalfClose: false });
    const streams = [0, 1, 2, 3].map((id) => channels.channel(id, 'both'));
    const wanted = ['..80:', '..', '..8081:ping', '..'];

    streams[2]?.write('ping');
    const starts = await Promise.all(streams.map((stream, id) => readBytes(stream, wanted[id]?.length ?? 0)));

    expect(starts.map((bytes) => bytes.readUInt16LE(0))).toEqual([80, 80, 8081, 8081]);
    expect(starts[2]?.toString('latin1', 2)).toBe('8081:ping');
    channels.close();
  });

  it('refuses a request without a port', async () => {
    await using server = await StreamServer.serve({ ports: echo });

    const answer = await server.upgrade({
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Protocol': 'v4.channel.k8s.io',
    });

    expect(answer).toMatchObject({ code: 400 });
  });
});

/** What a stream says, until there are as many bytes. */
async function readBytes(stream: Duplex, sizeBytes: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= sizeBytes) break;
  }
  return bytes;
}
