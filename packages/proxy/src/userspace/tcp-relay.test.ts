import { eventually } from '@keelson/base/testing';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SystemClock } from '@keelson/base';
import { describe, expect, it } from 'vitest';
import { closedPort, tcpServer } from '../test-support/sockets.ts';
import { connectTo, reset } from './tcp-relay.ts';

const endpointOf = (at: string) => {
  const [address = '', port] = at.split(':');
  return { address, port: Number(port), local: false };
};

/** Both ends of a connection, and what the far one hears of its end. */
async function pair() {
  const accepted = Promise.withResolvers<Socket>();
  const server = await tcpServer('far', (socket) => accepted.resolve(socket));
  const near = connect({ host: '127.0.0.1', port: server.port, allowHalfOpen: true });
  near.on('error', () => undefined);
  await once(near, 'connect');
  const far = await accepted.promise;
  const heard: string[] = [];
  far.on('error', (error) => heard.push(error.message)).on('end', () => heard.push('end'));
  return { near, far, heard, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('reset', () => {
  it('is heard as an error, not as an end', async () => {
    await using world = await pair();
    world.far.resume();

    reset(world.near);

    await eventually(() => world.far.closed && world.near.closed);
    expect(world.heard).toEqual(['read ECONNRESET']);
  });

  it('does not wait for what the other side does not read', async () => {
    await using world = await pair();
    world.near.end(Buffer.alloc(32 * 1024 * 1024));

    reset(world.near);

    await eventually(() => world.near.closed);
    world.far.resume();
    await eventually(() => world.far.closed);
    expect(world.heard).toEqual(['read ECONNRESET']);
  });

  it('closes a socket whose end is just being sent', async () => {
    await using world = await pair();
    world.near.end('bye');
    world.far.resetAndDestroy();

    reset(world.near);

    await eventually(() => world.near.closed);
  });

  it('closes a socket that is not connected yet', async () => {
    const [host = '', port] = (await closedPort()).split(':');
    const socket = connect({ host, port: Number(port) });

    reset(socket);

    await eventually(() => socket.closed);
  });

  it('closes, however it is called in the life of a connection', async () => {
    for (let round = 0; round < 50; round++) {
      await using world = await pair();
      world.far.resume().on('end', () => world.far.end());
      if (round % 2) world.near.write('x');
      if (round % 3) world.near.end();
      if (round % 5) await new Promise((resolve) => setImmediate(resolve));

      reset(world.near);
      if (round % 7) reset(world.near);

      await eventually(() => world.near.closed);
    }
  });
});

describe('connectTo', () => {
  const options = () => ({ timeoutMs: 30_000, clock: new SystemClock(), sockets: new Set<Socket>() });

  it('gives a socket and keeps it among the others as long as it is open', async () => {
    await using server = await tcpServer('there');
    const { sockets, ...rest } = options();

    const socket = await connectTo(endpointOf(server.at), { ...rest, sockets });

    expect([...sockets]).toEqual([socket]);
    socket?.destroy();
    await eventually(() => sockets.size === 0);
  });

  it('gives nothing, and leaves nothing, where nobody listens', async () => {
    const { sockets, ...rest } = options();

    expect(await connectTo(endpointOf(await closedPort()), { ...rest, sockets })).toBeUndefined();

    await eventually(() => sockets.size === 0);
  });

  it('gives up when its socket is destroyed', async () => {
    await using server = await tcpServer('there');
    const { sockets, ...rest } = options();
    const connecting = connectTo(endpointOf(server.at), { ...rest, sockets });

    for (const socket of sockets) socket.destroy();

    expect(await connecting).toBeUndefined();
  });
});
