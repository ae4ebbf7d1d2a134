import { once } from 'node:events';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { KeelsonError } from '@keelson/base';
import { startProgram } from '@keelson/launcher';

const REFUSED = 111;

export interface PortForward {
  readonly shim: string;
  /** `undefined` for the host's network. */
  readonly namespacePath: string | undefined;
  readonly port: number;
}

/** A connection to a port on the loopback address of a network namespace: the shim makes it there, and carries the bytes. */
export async function portForward({ shim, namespacePath = '-', port }: PortForward): Promise<Duplex> {
  const args = ['connect', namespacePath, String(port)];
  const program = await startProgram({ file: shim, args, files: ['in', 'out', 'none'] });
  const { 0: input } = program.inputs;
  const { 1: output } = program.outputs;
  input?.on('error', () => undefined);
  const answer = output && (await firstByte(output));
  if (answer === 0 && input && output) return connection(input, output, () => program.kill('SIGTERM'));
  program.kill('SIGTERM');
  const why = answer === REFUSED ? 'connection refused' : answer === undefined ? 'no answer' : `error ${answer}`;
  throw new KeelsonError('ServiceUnavailable', `failed to connect to localhost:${port} inside the pod: ${why}`);
}

async function firstByte(stream: Readable): Promise<number | undefined> {
  for (;;) {
    const byte = stream.read(1) as Buffer | null;
    if (byte) return byte[0];
    if (stream.readableEnded || stream.destroyed) return undefined;
    await Promise.race([finished(stream, { writable: false }).catch(() => undefined), once(stream, 'readable')]);
  }
}

/** What is written goes to `input`, what is read comes from `output`; each side ends on its own. */
function connection(input: Writable, output: Readable, onClose: () => void): Duplex {
  const forwarded: Duplex = new Duplex({
    read: () => void output.resume(),
    write: (chunk: Buffer, _encoding, done) => void input.write(chunk, done),
    final: (done) => void input.end(done),
    destroy: (error, done) => {
      onClose();
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
