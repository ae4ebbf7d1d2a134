import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 if the server closed the connection without a word. */
  readonly status: number;
  /** The beginning of what came, head included. */
  readonly text: string;
}

const ENOUGH_BYTES = 64 * 1024;
/** Longer than a server may take, however busy its machine is: only one that hangs is late. */
const TIMEOUT_MS = 60_000;

/**
 * Sends bytes on a connection of their own and gives what comes back, up to 64 KiB or the end; of a watch, its beginning. Rejects if
 * nothing comes within a minute. `ends`: nothing more will be sent.
 */
export async function sendRaw(port: number, pieces: Iterable<Uint8Array | string>, { ends = false } = {}): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  socket.setTimeout(TIMEOUT_MS, () => reject(new Error(`no answer within ${TIMEOUT_MS} ms; so far: ${text.slice(0, 200)}`)));
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.length > ENOUGH_BYTES || isStream(text)) resolve(text);
  });
  socket.on('close', () => resolve(text));
  // Whoever is hung up on in the middle of a request has been answered, or has not.
  socket.on('error', () => resolve(text));
  for (const piece of pieces) if (socket.writable) socket.write(piece);
  if (ends) socket.end();
  try {
    const received = await promise;
    return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? 0), text: received };
  } finally {
    socket.destroy();
  }
}

/** The first line of a watch has come. */
function isStream(text: string): boolean {
  return text.includes('{"type":"');
}
