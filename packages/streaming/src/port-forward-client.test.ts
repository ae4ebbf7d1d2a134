import { once } from 'node:events';
import { duplexPair, PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { openPortForward, PORT_FORWARD_PROTOCOLS } from './port-forward-client.ts';
import type { PortForwardTarget } from './remote-session.ts';
import { StreamServer } from './testing/stream-server.ts';

/** Greets each connection and echoes it; nobody listens on port 81. */
const echo: PortForwardTarget = {
  open: async (port) => {
    if (port === 81) throw new Error('connection refused');
    const [near, far] = duplexPair();
    far.write(`${port}:`);
    far.pipe(far);
    return near;
  },
};

describe.each(PORT_FORWARD_PROTOCOLS)('openPortForward over %s', (protocol) => {
  async function setUp(target: PortForwardTarget, port: number) {
    const server = await StreamServer.serve({ ports: target });
    const session = openPortForward({ socket: await server.websocket([protocol], `?ports=${port}`), protocol });
    return { server, session };
  }

  it('gives a connection to the port', async () => {
    const { server, session } = await setUp(echo, 80);
    await using _server = server;
    const connection = session.connect(80);

    connection.write('hello');
    let received = '';
    for await (const chunk of connection as AsyncIterable<Buffer>) if ((received += chunk.toString()).endsWith('hello')) break;

    expect(received).toBe('80:hello');
    await session[Symbol.asyncDispose]();
  });

  it('fails with what the other end says', async () => {
    const { server, session } = await setUp(echo, 81);
    await using _server = server;

    await expect(text(session.connect(81))).rejects.toMatchObject({
      reason: 'ServiceUnavailable',
      message: 'error forwarding port 81 to pod: connection refused',
    });
    session.close();
    await session.closed;
  });

  it('ends the connection in the pod when ours is destroyed', async () => {
    const remote = new PassThrough();
    const { server, session } = await setUp({ open: async () => remote }, 80);
    await using _server = server;
    const connection = session.connect(80);
    connection.write('x');
    await once(connection, 'data');

    connection.destroy();

    await once(remote, 'close');
    session.close();
    await session.closed;
  });
});

describe('openPortForward over the tunnel', () => {
  it('has many connections at a time, each ended by itself', async () => {
    await using server = await StreamServer.serve({ ports: echo });
    const [protocol] = PORT_FORWARD_PROTOCOLS;
    await using session = openPortForward({ socket: await server.websocket([protocol]), protocol });
    const connections = [80, 80, 443].map((port) => session.connect(port));

    connections.forEach((connection, index) => connection.end(`hello ${index}`));

    expect(await Promise.all(connections.map((connection) => text(connection)))).toEqual([
      '80:hello 0',
      '80:hello 1',
      '443:hello 2',
    ]);
  });
});
