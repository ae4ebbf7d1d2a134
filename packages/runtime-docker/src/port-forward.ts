import { Duplex, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { KeelsonError } from '@keelson/base';
import type { EngineClient } from './engine/engine-client.ts';
import { demultiplex } from './engine/frames.ts';

const CONNECT_TIMEOUT_MS = 30_000;
const REFUSED = 111;

/**
 * A connection to a port on the loopback address of a sandbox. The sandbox's own program makes it: run once more inside, it carries the bytes
 * over its input and output. So it reaches what listens on loopback alone, needs no rights on the node, and works with an engine elsewhere.
 */
export async function portForward(engine: EngineClient, sandboxId: string, port: number, signal?: AbortSignal): Promise<Duplex> {
  const body = { Cmd: ['/pause', String(port)], AttachStdin: true, AttachStdout: true, AttachStderr: true };
  const path = `/containers/${sandboxId}/exec`;
  const { Id } = await engine.json<{ Id: string }>({ method: 'POST', path, body, signal });
  const socket = await engine.hijack({
    method: 'POST',
    path: `/exec/${Id}/start`,
    body: { Detach: false, Tty: false },
    timeoutMs: CONNECT_TIMEOUT_MS,
    signal,
  });
  const { stdout, stderr } = demultiplex(socket);
  stderr.resume();
  const answer = await firstByte(stdout);
  if (answer === 0) return connection(socket, stdout);
  socket.destroy();
  const why = answer === REFUSED ? 'connection refused' : answer === undefined ? 'no answer' : `error ${answer}`;
  throw new KeelsonError('ServiceUnavailable', `failed to connect to localhost:${port} inside the pod: ${why}`);
}

async function firstByte(stream: Readable): Promise<number | undefined> {
  for (;;) {
    const byte = stream.read(1) as Buffer | null;
    if (byte) return byte[0];
    if (stream.readableEnded || stream.destroyed) return undefined;
    const ended = finished(stream, { writable: false }).catch(() => undefined);
    const readable = new Promise((resolve) => void stream.once('readable', resolve));
    await Promise.race([readable, ended]);
  }
}

/** What is written goes to `input`, what is read comes from `output`; each side ends on its own. */
function connection(input: Duplex, output: Readable): Duplex {
  const forwarded: Duplex = new Duplex({
    read: () => void output.resume(),
    write: (chunk: Buffer, _encoding, done) => void input.write(chunk, done),
    final: (done) => void input.end(done),
    destroy: (error, done) => {
      input.destroy();
      done(error);
    },
  });
  output
    .on('data', (chunk: Buffer) => {
      if (!forwarded.push(chunk)) output.pause();
    })
    .once('end', () => forwarded.push(null))
    .once('error', (error) => forwarded.destroy(error));
  return forwarded;
}
