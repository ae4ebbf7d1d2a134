import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { WebSocket } from 'ws';
import { describe, expect, it, onTestFinished } from 'vitest';
import { acceptWebSocketSender, handleReadUpgrade } from './websocket-upgrade.ts';

type Upgrade = Parameters<typeof handleReadUpgrade> extends [...infer Arguments, Readable] ? Arguments : never;

async function connectTo(serve: (...upgrade: Upgrade) => void, protocols: string[]): Promise<WebSocket> {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  server.on('upgrade', (request, socket, head) => serve(request, socket, head));
  await once(server, 'listening');
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, protocols);
  onTestFinished(() => socket.terminate());
  return socket;
}

describe('handleReadUpgrade', () => {
  it.each([
    { protocols: [], want: 'log line\n' },
    { protocols: ['binary.k8s.io'], want: 'log line\n' },
    { protocols: ['base64.binary.k8s.io'], want: Buffer.from('log line\n').toString('base64') },
  ])('sends bytes to a client that offers $protocols', async ({ protocols, want }) => {
    const socket = await connectTo(
      (...upgrade) => void handleReadUpgrade(...upgrade, Readable.from([Buffer.from('log line\n')])),
      protocols,
    );
    let received = '';
    socket.on('message', (data: Buffer) => (received += data.toString()));

    const [code] = (await once(socket, 'close')) as [number];

    expect([received, code]).toEqual([want, 1000]);
  });

  it('stops reading when the client goes away', async () => {
    const source = new PassThrough();
    const socket = await connectTo((...upgrade) => void handleReadUpgrade(...upgrade, source), []);
    await once(socket, 'open');

    socket.terminate();

    await once(source, 'close');
  });
});

describe('acceptWebSocketSender', () => {
  it('sends messages as they are', async () => {
    const socket = await connectTo((...upgrade) => {
      const sender = acceptWebSocketSender(...upgrade, ['']);
      void sender?.send(Buffer.from('{"type":"ADDED"}'), 'text').then(() => sender.close());
    }, []);

    const [message, isBinary] = (await once(socket, 'message')) as [Buffer, boolean];

    expect([message.toString(), isBinary]).toEqual(['{"type":"ADDED"}', false]);
  });
});
