import { once } from 'node:events';
import { WebSocket } from 'ws';
import { describe, expect, it } from 'vitest';
import { PlayedProcess, StreamServer } from './testing/stream-server.ts';

describe("another's WebSocket client", () => {
  it('runs a command to its exit code, and gets an orderly close', async () => {
    const process = new PlayedProcess();
    await using server = await StreamServer.serve({ command: process.command() });
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    const messages: string[] = [];
    socket.on('message', (data: Buffer) => messages.push(`${data[0]}${data.toString('latin1', 1)}`));
    await once(socket, 'open');
    process.stdin.pipe(process.stdout);

    socket.send(Buffer.from('\0hello'));
    socket.ping();
    await once(socket, 'pong');
    socket.send(Buffer.from([255, 0]));
    await once(process.stdin, 'end');
    process.exit(7);
    const [code] = (await once(socket, 'close')) as [number];

    expect([socket.protocol, code]).toEqual(['v5.channel.k8s.io', 1000]);
    expect(messages.slice(0, 2)).toEqual(['1', '1hello']); // The first says that the streams stand.
    expect(messages.at(-1)).toContain('"message":"7"');
  });
});
