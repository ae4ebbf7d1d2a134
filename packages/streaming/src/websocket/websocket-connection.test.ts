import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { OPCODE, type WebSocketFrame, webSocketFrame, WebSocketFrameReader } from '../testing/frames.ts';
import { WebSocketConnection } from './websocket-connection.ts';

/** A connection under test in the server's role, and its peer, whom the test plays by frames. */
function setUp(onMessage: (data: Buffer) => Promise<void> | undefined = () => undefined) {
  const [near, peer] = duplexPair();
  const connection = new WebSocketConnection({ socket: near, role: 'server', onMessage });
  const frames: WebSocketFrame[] = [];
  const reader = new WebSocketFrameReader({ fromClient: false, maxBytes: 1 << 20 });
  peer.on('data', (chunk: Buffer) => frames.push(...reader.push(chunk)));
  const send = (opcode: number, text: string) => peer.write(webSocketFrame(opcode, [Buffer.from(text)], true));
  return { connection, peer, frames, send };
}

function partOf(frame: Buffer, opcode: number): Buffer {
  frame[0] = opcode;
  return frame;
}

describe('WebSocketConnection', () => {
  it('joins the parts of a message, and answers pings between them', async () => {
    const messages: string[] = [];
    const { peer, frames, send, connection } = setUp((data) => void messages.push(data.toString()));

    peer.write(partOf(webSocketFrame(OPCODE.binary, [Buffer.from('one ')], true), OPCODE.binary));
    send(OPCODE.ping, 'there?');
    send(OPCODE.continuation, 'message');
    send(OPCODE.close, '\u0003\u00e8');
    await connection.closed;

    expect(messages).toEqual(['one message']);
    await expect.poll(() => frames.map(({ opcode }) => opcode)).toEqual([OPCODE.pong, OPCODE.close]);
    expect(frames[0]?.payload.toString()).toBe('there?');
    peer.destroy();
  });

  it('closes with a code on a message that is out of order', async () => {
    const { peer, frames, send, connection } = setUp();

    send(OPCODE.continuation, 'of nothing');
    await connection.closed;

    await expect.poll(() => frames.map(({ payload }) => payload.readUInt16BE(0))).toEqual([1002]);
    peer.destroy();
  });

  it('drops what still comes after its own close', async () => {
    const messages: string[] = [];
    const { peer, send, connection } = setUp((data) => void messages.push(data.toString()));

    connection.close();
    send(OPCODE.binary, 'late');
    send(OPCODE.close, '');
    await connection.closed;

    expect(messages).toEqual([]);
    peer.destroy();
  });

  it('gives its socket one frame at a time, and all of them before the end', async () => {
    const pieces: Buffer[] = [];
    const socket = new Duplex({
      read: () => undefined,
      writev: (chunks, done) => {
        pieces.push(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)));
        setImmediate(done);
      },
    });
    const connection = new WebSocketConnection({ socket, role: 'server', onMessage: () => undefined });
    const sent = ['one', 'two', 'three'];

    for (const text of sent) connection.send([Buffer.from(text)], 'binary', () => undefined);
    connection.close();
    socket.push(null);
    await once(socket, 'finish');

    const frames = pieces.map((piece) => [...new WebSocketFrameReader({ fromClient: false, maxBytes: 1 << 20 }).push(piece)]);
    expect(frames.map((each) => each.length)).toEqual([1, 1, 1, 1]);
    expect(frames.slice(0, 3).map(([frame]) => frame?.payload.toString())).toEqual(sent);
    socket.destroy();
    await connection.closed;
  });

  it('takes nothing more to send once it is closed', async () => {
    const { peer, connection } = setUp();
    peer.destroy();
    await connection.closed;

    const failure = await new Promise((resolve) => connection.send([Buffer.from('x')], 'binary', resolve));

    expect(failure).toBeInstanceOf(Error);
  });
});

describe('WebSocketConnection over TCP', () => {
  const opened: { destroy(): void }[] = [];
  afterEach(() => opened.splice(0).forEach((each) => each.destroy()));

  async function tcpPair(): Promise<[Socket, Socket]> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const incoming = once(server, 'connection') as Promise<[Socket]>;
    const outgoing = connect((server.address() as AddressInfo).port, '127.0.0.1');
    const [near] = await incoming;
    server.close();
    opened.push(near, outgoing);
    return [near, outgoing];
  }

  it('sees that its peer is gone also while nobody reads the messages', async () => {
    const [near, peer] = await tcpPair();
    const connection = new WebSocketConnection({
      socket: near,
      role: 'server',
      pingMs: 20,
      onMessage: () => new Promise<void>(() => undefined),
    });
    const frame = webSocketFrame(OPCODE.binary, [Buffer.alloc(100_000)], true);
    const flood = (socket: Duplex): void => void (!socket.destroyed && socket.write(frame, () => flood(socket)));
    peer.on('error', () => undefined);
    flood(peer);
    await once(near, 'readable');

    peer.destroy();

    await connection.closed;
    expect(near.destroyed).toBe(true);
  });
});
