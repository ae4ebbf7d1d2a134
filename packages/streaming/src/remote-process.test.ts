import { text } from 'node:stream/consumers';
import { KeelsonError } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { openRemoteProcess } from './remote-process.ts';
import type { RemoteCommand } from './remote-session.ts';
import { PlayedProcess, StreamServer } from './testing/stream-server.ts';

async function setUp(command: RemoteCommand, options: { protocol?: string; signal?: AbortSignal } = {}) {
  const { protocol = 'v5.channel.k8s.io', ...rest } = options;
  const server = await StreamServer.serve({ command });
  return { server, process: openRemoteProcess({ socket: await server.websocket([protocol]), protocol, ...rest }) };
}

describe('openRemoteProcess', () => {
  it('gives the outputs, and the exit code once the input has ended', async () => {
    const played = new PlayedProcess();
    const { server, process } = await setUp(played.command());
    await using _server = server;

    process.stdin.end('question');
    const input = await text(played.stdin);
    played.stdout.write('answer');
    played.stderr.write('trouble');
    played.exit(3);
    const outputs = await Promise.all([text(process.stdout), text(process.stderr), process.exitCode]);

    expect([input, ...outputs]).toEqual(['question', 'answer', 'trouble', 3]);
  });

  it('sets the size of the terminal', async () => {
    const played = new PlayedProcess();
    const { server, process } = await setUp(played.command({ tty: true }));
    await using _server = server;

    process.resize(132, 43);

    await expect.poll(() => played.sizes).toEqual(['132x43']);
    await process[Symbol.asyncDispose]();
  });

  it('fails with the reason why the command could not be run', async () => {
    const open = () => Promise.reject(new KeelsonError('NotFound', 'container not found ("c")'));
    const { server, process } = await setUp({ ...new PlayedProcess().command(), open });
    await using _server = server;

    await expect(process.exitCode).rejects.toMatchObject({ reason: 'NotFound', message: 'container not found ("c")' });
  });

  it('fails if the connection is lost before the end', async () => {
    const { server, process } = await setUp(new PlayedProcess().command(), { protocol: 'v4.channel.k8s.io' });

    await server[Symbol.asyncDispose]();

    await expect(process.exitCode).rejects.toMatchObject({ reason: 'ServiceUnavailable' });
  });

  it('lets the command go when it is closed, also with output left unread', async () => {
    const played = new PlayedProcess();
    const { server, process } = await setUp(played.command());
    await using _server = server;
    played.stdout.write(Buffer.alloc(1 << 20));

    await process[Symbol.asyncDispose]();

    await expect.poll(() => played.closes).toBe(1);
  });

  it('lets the command go when its signal aborts', async () => {
    const played = new PlayedProcess();
    const controller = new AbortController();
    const { server, process } = await setUp(played.command(), { signal: controller.signal });
    await using _server = server;

    controller.abort(new Error('enough'));

    await expect(process.exitCode).rejects.toThrow('enough');
    await expect.poll(() => played.closes).toBe(1);
  });
});
