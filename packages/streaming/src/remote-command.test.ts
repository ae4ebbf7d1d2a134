import { once } from 'node:events';
import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { readExitStatus } from './exit-status.ts';
import { SpdyConnection } from './spdy/spdy-connection.ts';
import type { SpdyStream } from './spdy/spdy-stream.ts';
import { PlayedProcess, readText, StreamServer } from './testing/stream-server.ts';
import { type ChannelEncoding, WebSocketChannels } from './websocket-channels.ts';

async function openChannels(server: StreamServer, protocol: string) {
  const socket = await server.websocket([protocol]);
  const encoding: ChannelEncoding = protocol.includes('base64') ? 'base64' : 'binary';
  const channels = new WebSocketChannels({ socket, role: 'client', encoding, canHalfClose: protocol.startsWith('v5') });
  const uses = ['write', 'read', 'read', 'read', 'write'] as const;
  const [stdin, stdout, stderr, error, resize] = uses.map((use, id) => channels.channel(id, use));
  if (!stdin || !stdout || !stderr || !error || !resize) throw new Error('five channels');
  return { channels, stdin, stdout, stderr, error, resize };
}

async function openSpdy(server: StreamServer, types: readonly string[], protocol = 'v4.channel.k8s.io') {
  const connection = new SpdyConnection({ socket: await server.spdy(protocol), role: 'client' });
  const streams = new Map<string, SpdyStream>(types.map((type) => [type, connection.open({ streamType: type })]));
  return {
    connection,
    stream: (type: string): SpdyStream => {
      const stream = streams.get(type);
      if (!stream) throw new Error(`no stream ${type}`);
      return stream;
    },
  };
}

describe.each(['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io'])(
  'a command over WebSocket %s',
  (protocol) => {
    it('carries both outputs and the exit code', async () => {
      const process = new PlayedProcess();
      await using server = await StreamServer.serve({ command: process.command() });
      const client = await openChannels(server, protocol);

      process.stdout.write('out');
      process.stderr.write('err');
      process.exit(3);

      const [out, err, status] = await Promise.all([client.stdout, client.stderr, client.error].map(readText));
      expect([out, err, readExitStatus(status ?? '')]).toEqual(['out', 'err', 3]);
      expect(JSON.parse(status ?? '')).toMatchObject({
        metadata: {},
        status: 'Failure',
        reason: 'NonZeroExitCode',
        details: { causes: [{ reason: 'ExitCode', message: '3' }] },
      });
      expect(process.closes).toBe(1);
    });

    it('carries input of any size whole', async () => {
      const process = new PlayedProcess();
      await using server = await StreamServer.serve({ command: process.command() });
      const client = await openChannels(server, protocol);
      const input = 'x'.repeat(3_000_000);

      client.stdin.write(input);
      let got = 0;
      for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
        got += chunk.length;
        if (got === input.length) break;
      }
      process.exit(0);

      expect(JSON.parse(await readText(client.error))).toEqual({ metadata: {}, status: 'Success' });
    });
  },
);

describe('a command over WebSocket', () => {
  it('ends the input when a v5 client closes its channel, and goes on with the output', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const client = await openChannels(server, 'v5.channel.k8s.io');

    client.stdin.end('last words');
    const input = await readText(process.stdin);
    process.stdout.write('answer');
    process.exit(0);

    expect(input).toBe('last words');
    expect(await readText(client.stdout)).toBe('answer');
  });

  it('sets the size of a terminal', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command({ tty: true }) });
    const client = await openChannels(server, 'v5.channel.k8s.io');

    client.resize.write('{"Width":80,"Hei');
    client.resize.write('ght":24}\n{"Width":0,"Height":1}nonsense}{"Width":132,"Height":43}');

    await expect.poll(() => process.sizes).toEqual(['80x24', '132x43']);
  });

  it('lets go of the session when the client goes away', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const socket = await server.websocket(['v5.channel.k8s.io']);

    process.stdout.write('x');
    socket.destroy();

    await expect.poll(() => process.closes).toBe(1);
  });

  it('holds the process back while the client does not read', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const socket = await server.websocket(['v5.channel.k8s.io']);
    socket.pause();
    const chunk = Buffer.alloc(64 * 1024);

    let written = 0;
    while (written < 1000 && (await accepts(process.stdout, chunk))) written += 1;

    expect(written).toBeLessThan(1000);
    socket.destroy();
  });

  it('reports what kept the command from being opened', async () => {
    const open = () => Promise.reject(new KeelsonError('NotFound', 'container not found ("c")'));
    await using server = await StreamServer.serve({ command: { ...new PlayedProcess().command(), open } });
    const client = await openChannels(server, 'v5.channel.k8s.io');

    const status = await readText(client.error);

    expect(JSON.parse(status)).toMatchObject({
      status: 'Failure',
      reason: 'NotFound',
      message: 'container not found ("c")',
      code: 404,
    });
    expect(() => readExitStatus(status)).toThrow('container not found');
  });

  it('survives an output that breaks off, wanted or not', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command({ stderr: false }) });
    const client = await openChannels(server, 'v5.channel.k8s.io');
    process.stdout.write('x');
    await once(client.stdout, 'data');

    process.stdout.destroy(new Error('broken'));
    process.stderr.destroy(new Error('broken'));
    process.exit(0);

    expect(readExitStatus(await readText(client.error))).toBe(0);
  });

  it('gives an error as text and success as nothing to clients before v4', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const client = await openChannels(server, 'channel.k8s.io');

    process.exit(2);

    expect(await readText(client.error)).toBe('command terminated with non-zero exit code: exit status 2');
  });
});

describe('a command over SPDY', () => {
  it('carries all streams, the end of the input and the exit code', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const client = await openSpdy(server, ['error', 'stdin', 'stdout', 'stderr']);

    client.stream('stdin').end('in');
    const input = await readText(process.stdin);
    process.stdout.write('out');
    process.stderr.write('err');
    process.exit(5);
    const texts = await Promise.all(['stdout', 'stderr', 'error'].map((type) => readText(client.stream(type))));

    expect([input, texts[0], texts[1], readExitStatus(texts[2] ?? '')]).toEqual(['in', 'out', 'err', 5]);
    client.connection.close();
    await client.connection.closed;
  });

  it('moves megabytes both ways', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command({ stderr: false }) });
    const client = await openSpdy(server, ['error', 'stdin', 'stdout']);
    process.stdin.pipe(process.stdout);
    const block = Buffer.alloc(1 << 20, 7);

    for (let i = 0; i < 5; i += 1) client.stream('stdin').write(block);
    client.stream('stdin').end();
    let size = 0;
    for await (const chunk of client.stream('stdout') as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size === 5 * block.length) break;
    }
    process.exit(0);

    expect(size).toBe(5 * block.length);
  });

  it('resizes a terminal, which has no stderr', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command({ tty: true }) });
    const client = await openSpdy(server, ['error', 'stdin', 'stdout', 'resize']);

    client.stream('resize').write('{"Width":80,"Height":24}\n');

    await expect.poll(() => process.sizes).toEqual(['80x24']);
  });

  it('lets go of the session when the client goes away', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const socket = await server.spdy('v4.channel.k8s.io');
    const connection = new SpdyConnection({ socket, role: 'client' });
    for (const type of ['error', 'stdin', 'stdout', 'stderr']) connection.open({ streamType: type });
    process.stdout.write('x');
    await new Promise((resolve) => setImmediate(resolve));

    socket.destroy();

    await expect.poll(() => process.closes).toBe(1);
  });

  it('ends the connection on bytes that are no SPDY', async () => {
    await using server = await StreamServer.serve({ command: new PlayedProcess().command() });
    const socket = await server.spdy('v4.channel.k8s.io');

    socket.write(Buffer.from('80090001000000040000000000', 'hex'));

    expect(await readText(socket)).toBe('');
  });
});

describe('an upgrade', () => {
  const upgrade = { Connection: 'Upgrade' };
  it.each([
    { title: 'to something else', headers: { ...upgrade, Upgrade: 'h2c' }, code: 400, text: 'missing upgrade headers' },
    { title: 'to SPDY without a protocol', headers: { ...upgrade, Upgrade: 'SPDY/3.1' }, code: 400, text: 'is required' },
    {
      title: 'to SPDY with an unknown protocol',
      headers: { ...upgrade, Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v9.x' },
      code: 403,
      text: 'client supports [v9.x], server accepts [v4.channel.k8s.io',
    },
    {
      title: 'to WebSocket with an unknown protocol',
      headers: { ...upgrade, Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'v9.x' },
      code: 403,
      text: 'client supports [v9.x]',
    },
    {
      title: 'to WebSocket without a key',
      headers: { ...upgrade, Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' },
      code: 400,
      text: 'malformed WebSocket handshake',
    },
  ])('$title is refused with $code', async ({ headers, code, text }) => {
    await using server = await StreamServer.serve({ command: new PlayedProcess().command() });

    const answer = await server.upgrade(headers as unknown as Record<string, string>);

    expect(answer).toMatchObject({ code, text: expect.stringContaining(text) as string });
  });
});

/** Resolves with false if the stream takes no more for a while: everything between it and the client is full. */
function accepts(stream: NodeJS.WritableStream, chunk: Buffer): Promise<boolean> {
  if (stream.write(chunk)) return Promise.resolve(true);
  return Promise.race([
    new Promise<boolean>((resolve) => stream.once('drain', () => resolve(true))),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 300)),
  ]);
}
