import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { KeelsonError, type Clock } from '@keelson/base';
import { frame, FrameReader } from '../wire/frames.ts';

/** A resolver to ask. */
export interface Upstream {
  readonly host: string;
  readonly port: number;
}

export interface Attempt {
  readonly upstream: Upstream;
  readonly packet: Buffer;
  /** Whether this is the answer: anybody may send a packet to a UDP port. */
  readonly accepts: (response: Buffer) => boolean;
  readonly timeoutMs: number;
}

/** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`. Throws `BadRequest` for what is none. */
export function parseUpstream(text: string): Upstream {
  if (isIPv6(text)) return { host: text, port: 53 };
  const url = URL.parse(`dns://${text}`);
  const host = url?.hostname.replace(/^\[|\]$/g, '');
  if (!host || !/^[\d.]+$|:/.test(host))
    throw new KeelsonError('BadRequest', `Cannot use upstream "${text}": it is not an address, or an address and a port`);
  return { host, port: Number(url?.port || 53) };
}

/** Asks from a port of its own, so that nobody can guess where the answer is awaited. Rejects with `Timeout` or the socket's error. */
export function askOverUdp(attempt: Attempt, clock: Clock, signal: AbortSignal): Promise<Buffer> {
  return withDeadline(attempt, clock, signal, (resolve, reject) => {
    const { host, port } = attempt.upstream;
    const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    socket.on('error', reject);
    socket.on('message', (message) => attempt.accepts(message) && resolve(message));
    // Connected: answers from elsewhere are dropped, and a closed port is told at once.
    socket.connect(port, host, () => socket.send(attempt.packet));
    return () => {
      socket.removeAllListeners().on('error', () => undefined);
      socket.close();
    };
  });
}

/** For answers that are too large for a packet. Rejects with `Timeout` or the socket's error. */
export function askOverTcp(attempt: Attempt, clock: Clock, signal: AbortSignal): Promise<Buffer> {
  return withDeadline(attempt, clock, signal, (resolve, reject) => {
    const socket = connect(attempt.upstream);
    const reader = new FrameReader();
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('it closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      for (const message of reader.push(chunk)) if (attempt.accepts(message)) resolve(message);
    });
    socket.write(frame(attempt.packet));
    return () => void socket.destroy();
  });
}

/** Which answer belongs to which question. */
export function randomId(): number {
  return randomInt(0x10000);
}

type Ask = (resolve: (message: Buffer) => void, reject: (error: unknown) => void) => () => void;

async function withDeadline({ upstream, timeoutMs }: Attempt, clock: Clock, signal: AbortSignal, ask: Ask): Promise<Buffer> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const close = ask(resolve, reject);
  const tooLate = (): void => reject(new KeelsonError('Timeout', `No answer from "${upstream.host}" within ${timeoutMs} ms`));
  const timer = clock.after(timeoutMs, tooLate);
  try {
    return await promise;
  } finally {
    timer[Symbol.dispose]();
    signal.removeEventListener('abort', onAbort);
    close();
  }
}
