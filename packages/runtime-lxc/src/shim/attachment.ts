import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { KeelsonError } from '@keelson/base';
import type { StreamOptions, StreamSession } from '@keelson/runtime';

const HEAD_BYTES = 8;
/** The most that a shim takes in one message. */
const CHUNK_BYTES = 32 * 1024;
const INPUT = 0;
const OUTPUT = 1;
const ERROR_OUTPUT = 2;
const END = 3;
const SIZE = 4;

/** Joins the streams of a process that a shim stays with. */
export async function attach(path: string, { stdin, tty }: StreamOptions): Promise<StreamSession> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw new KeelsonError('BadRequest', 'The container is not running', { cause });
  }
  const stdout = new PassThrough();
  const stderr = tty ? undefined : new PassThrough();
  const exitCode = receive(socket, { [OUTPUT]: stdout, [ERROR_OUTPUT]: stderr ?? stdout });
  exitCode.catch(() => undefined); // Whoever wants to know waits for it.
  return {
    stdin: stdin ? input(socket) : undefined,
    stdout,
    stderr,
    resize: async (columns, rows) => {
      const size = Buffer.alloc(4);
      size.writeUInt16BE(columns, 0);
      size.writeUInt16BE(rows, 2);
      socket.write(message(SIZE, size));
    },
    exitCode,
    close: () => void socket.destroy(),
  };
}

function message(kind: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = kind;
  head.writeUInt32BE(content.length, 4);
  return Buffer.concat([head, content]);
}

function input(socket: Socket): Writable {
  return new Writable({
    write: (bytes: Buffer, _encoding, done) => {
      for (let from = 0; from < bytes.length; from += CHUNK_BYTES)
        socket.write(message(INPUT, bytes.subarray(from, from + CHUNK_BYTES)));
      if (socket.writableNeedDrain) socket.once('drain', done);
      else done();
    },
    final: (done) => void socket.write(message(END, Buffer.alloc(0)), done),
  });
}

type Outputs = Readonly<Record<number, PassThrough>>;

/** Takes the outputs apart; at the pace of whoever reads them. */
async function receive(socket: Socket, outputs: Outputs): Promise<number> {
  let rest: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      for (;;) {
        const length = rest.length < HEAD_BYTES ? Infinity : HEAD_BYTES + rest.readUInt32BE(4);
        if (rest.length < length) break;
        const content = rest.subarray(HEAD_BYTES, length);
        if (rest[0] === END) return content[0] ?? 0;
        const to = outputs[rest[0] ?? 0];
        if (to && !to.write(content) && !to.destroyed) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        rest = rest.subarray(length);
      }
    }
    throw new KeelsonError('ServiceUnavailable', 'The streams of the container have ended before it has');
  } finally {
    for (const output of Object.values(outputs)) output.end();
    socket.destroy();
  }
}
