import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlFrame, CONTROL, dataFrame } from './spdy/frames.ts';
import { PlayedProcess, StreamServer } from './testing/stream-server.ts';
import { OPCODE, webSocketFrame } from './testing/frames.ts';

const CONNECTIONS: { name: string; connect: (server: StreamServer) => Promise<Duplex> }[] = [
  { name: 'SPDY', connect: (server) => server.spdy('v4.channel.k8s.io') },
  { name: 'WebSocket', connect: (server) => server.websocket(['v5.channel.k8s.io']) },
];

/** Frames that are sound outside, with anything inside, between bytes that are anything. */
const bytes = fc.uint8Array({ maxLength: 64 });
const piece = fc.oneof(
  bytes,
  fc.tuple(fc.constantFrom(...Object.values(CONTROL)), bytes).map(([type, payload]) => controlFrame(type, payload)),
  fc.tuple(fc.nat(20), bytes).map(([id, payload]) => dataFrame(id, payload)),
  fc.tuple(fc.constantFrom(...Object.values(OPCODE)), bytes).map(([opcode, payload]) => webSocketFrame(opcode, [payload], true)),
);

describe.each(CONNECTIONS)('a client that sends anything over $name', ({ connect }) => {
  it('harms nobody but itself', async () => {
    const open = () => new PlayedProcess().command().open();
    await using server = await StreamServer.serve({ command: { ...new PlayedProcess().command(), open } });

    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
        const socket = await connect(server);
        socket.on('error', () => undefined);
        socket.resume();
        for (const each of pieces) socket.write(each);
        socket.end();
        if (!socket.destroyed) await once(socket, 'close');
      }),
      { numRuns: 100 },
    );

    const socket = await connect(server);
    expect(socket.readable).toBe(true);
    socket.destroy();
  });
});
