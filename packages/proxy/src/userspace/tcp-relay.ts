import { connect, type Socket } from 'node:net';
import type { Clock } from '@keelson/base';
import type { ProxyEndpoint } from '../endpoints.ts';

export interface ConnectOptions {
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Where the socket is kept as long as it is open. */
  readonly sockets: Set<Socket>;
}

/** A connection to `endpoint`; undefined if it can't be had within the time. */
export function connectTo(endpoint: ProxyEndpoint, { timeoutMs, clock, sockets }: ConnectOptions): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host: endpoint.address,
      port: endpoint.port,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      // An address, never a name: nothing to look up.
      autoSelectFamily: false,
    });
    track(socket, sockets);
    const finish = (isThere: boolean): void => {
      timer[Symbol.dispose]();
      socket.off('close', onClose);
      if (!isThere) socket.destroy();
      resolve(isThere ? socket : undefined);
    };
    const onClose = (): void => finish(false);
    const timer = clock.after(timeoutMs, onClose);
    socket.once('close', onClose);
    socket.once('connect', () => finish(!isOwnEcho(socket)));
  });
}

/** Keeps the socket in `sockets` as long as it is open. Its errors are no news: it closes then. */
export function track(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.on('error', () => undefined);
  socket.once('close', () => sockets.delete(socket));
}

/**
 * Closes the socket at once, whatever waits to be sent, so that the other side hears of an error and not of an end. `resetAndDestroy` alone
 * ends the stream first, and if the connection breaks while that is under way the socket is never closed: so that step is left out, and a
 * stream that was ended before is closed without a reset.
 */
export function reset(socket: Socket): void {
  const hasEnded = socket.writableEnded && socket.writableLength === 0;
  if (socket.connecting || hasEnded) {
    socket.destroy();
    return;
  }
  socket._final = (done) => done();
  socket.resetAndDestroy();
  if (socket.writableLength > 0) socket.destroy();
}

/** Whether the kernel has connected the socket with itself, which it does when a local port without a listener is picked for both ends. */
function isOwnEcho(socket: Socket): boolean {
  return socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress;
}

/**
 * Hot path: passes bytes both ways until both sides have ended. A side that is slow to read makes the other one wait; the end of one
 * direction is passed on and leaves the other open; a reset is passed on as a reset. Both sockets need `allowHalfOpen`.
 */
export function join(client: Socket, upstream: Socket): void {
  passOn(client, upstream);
  passOn(upstream, client);
}

function passOn(from: Socket, to: Socket): void {
  from.on('error', () => reset(to));
  from.once('close', () => {
    if (!from.readableEnded) reset(to);
  });
  // It may be gone already: while the other side was being connected.
  if (from.destroyed) reset(to);
  else from.pipe(to);
}
