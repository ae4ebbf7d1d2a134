import { once } from 'node:events';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Writable, type Duplex } from 'node:stream';

/** A client's connection that is to be joined with a backend's. */
export interface UpgradeClient {
  readonly socket: Duplex;
  /** What the client has sent behind its request's head. */
  readonly head: Buffer;
}

/**
 * Sends an upgrade request and joins the client's connection with the backend's. The backend's answer to the handshake, also a refusal, goes
 * to the client as it is. Resolves when the stream is over; rejects if the backend does not answer in time, before anything was sent to the
 * client.
 */
export async function relayUpgrade(outgoing: ClientRequest, client: UpgradeClient, timeoutMs: number): Promise<void> {
  client.socket.once('close', () => outgoing.destroy());
  outgoing.end();
  const refused = (once(outgoing, 'response') as Promise<[IncomingMessage]>).then(([answer]) => answer);
  refused.catch(() => undefined);
  const opened = firstOf(outgoing, 'upgrade', timeoutMs) as Promise<[IncomingMessage, Duplex, Buffer]>;
  const winner = await Promise.race([opened, refused]);
  opened.catch(() => undefined);
  if (!Array.isArray(winner)) {
    outgoing.setTimeout(0);
    client.socket.write(headOf(winner));
    winner.pipe(client.socket);
    return;
  }
  const [answer, backend, early] = winner;
  client.socket.write(headOf(answer));
  await join(client, backend, early);
}

/** The first event of that name. Rejects with why there was none in time. */
export async function firstOf(outgoing: ClientRequest, event: 'response' | 'upgrade', timeoutMs: number): Promise<unknown[]> {
  outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)));
  const seen = await once(outgoing, event);
  outgoing.setTimeout(0);
  return seen;
}

/** The head of an answer, as it goes over the wire; its body is already free of chunks, and ends with the connection. */
function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const isSwitch = statusCode === 101;
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (isSwitch || (name !== 'transfer-encoding' && name !== 'connection'))
      lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  }
  if (!isSwitch) lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Joins two connections until either side ends; bytes that came with the handshakes go first. Keeps back-pressure. */
async function join({ socket, head }: UpgradeClient, backend: Duplex, early: Buffer): Promise<void> {
  const toClient = pieceByPiece(socket);
  if (early.length > 0) toClient.write(early);
  if (head.length > 0) backend.write(head);
  socket.pipe(backend);
  backend.pipe(toClient);
  const closed = [socket, backend].map((side) => new Promise<void>((resolve) => void side.once('close', resolve)));
  for (const side of [socket, backend]) side.once('error', () => side.destroy());
  socket.once('close', () => finish(backend));
  backend.once('close', () => toClient.end(() => finish(socket)));
  await Promise.all(closed);
}

/**
 * Writes each piece when the one before is out: what the backend sent as one TLS record goes on as one, however busy the socket is. Clients
 * that wait for it by `select()`, as Python's do, do not see the rest of a record that they have read a message out of.
 */
function pieceByPiece(socket: Duplex): Writable {
  const writer = new Writable({
    write: (piece, _encoding, done) => void socket.write(piece, done),
    final: (done) => void socket.end(done),
  });
  // Shows on the socket as well.
  writer.on('error', () => undefined);
  return writer;
}

/** Ends a connection once what was written to it is sent. */
function finish(side: Duplex): void {
  if (side.destroyed) return;
  if (side.writableLength === 0) side.destroy();
  else side.end(() => side.destroy());
}
