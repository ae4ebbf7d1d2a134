import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { decode, encode, type Answer, type Packet } from 'dns-packet';
import { frame, FrameReader } from '../wire/frames.ts';

export interface UpstreamServer extends AsyncDisposable {
  /** `address:port`. */
  readonly at: string;
  readonly port: number;
  /** What it was asked, as `udp NAME TYPE`. */
  readonly asked: string[];
}

/** What it says: a packet to complete, bytes as they are, or nothing. */
export type Reply = (name: string, type: string, proto: 'udp' | 'tcp', query: Buffer) => Packet | Buffer | undefined;

/** A resolver on loopback. */
export async function upstreamServer(reply: Reply): Promise<UpstreamServer> {
  const asked: string[] = [];
  const answer = (query: Buffer, proto: 'udp' | 'tcp'): Buffer | undefined => {
    const { id, questions = [] } = decode(query);
    const { name = '', type = 'A' } = questions[0] ?? {};
    asked.push(`${proto} ${name} ${type}`);
    const packet = reply(name, type, proto, query);
    return packet && !Buffer.isBuffer(packet) ? encode({ type: 'response', id, questions, ...packet }) : packet;
  };
  const tcp = createServer((socket) => {
    const reader = new FrameReader();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const query of reader.push(chunk)) {
        const response = answer(query, 'tcp');
        if (response) socket.write(frame(response));
      }
    });
  });
  const udp = await listenOnBoth(tcp);
  udp.on('message', (query, from) => {
    const response = answer(query, 'udp');
    if (response) udp.send(response, from.port, from.address);
  });
  const { port } = udp.address();
  return {
    at: `127.0.0.1:${port}`,
    port,
    asked,
    async [Symbol.asyncDispose]() {
      const closed = Promise.all([once(udp, 'close'), once(tcp, 'close')]);
      udp.close();
      tcp.close();
      await closed;
    },
  };
}

/** Opens a port for both protocols: one that is free for the one may be somebody's for the other. */
async function listenOnBoth(tcp: Server, attempts = 20): Promise<Socket> {
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  try {
    tcp.listen(udp.address().port, '127.0.0.1');
    await once(tcp, 'listening');
    return udp;
  } catch (error) {
    udp.close();
    if (attempts === 1) throw error;
    return listenOnBoth(tcp, attempts - 1);
  }
}

export function address(name: string, data: string, ttl = 300): Answer {
  return { type: 'A', name, ttl, data };
}

export function soa(name: string, minimum: number, ttl = 300): Answer {
  return { type: 'SOA', name, ttl, data: { mname: `ns.${name}`, rname: `hostmaster.${name}`, minimum } };
}

/** Passes each packet on to a port of loopback, and what comes back to who sent it: a resolver that was told to use the server it serves. */
export async function relayServer(): Promise<AsyncDisposable & { readonly at: string; to(port: number): void }> {
  let target = 0;
  const [front, back] = [createSocket('udp4'), createSocket('udp4')];
  const clients = new Map<number, number>();
  front.on('message', (query, from) => {
    clients.set(query.readUInt16BE(0), from.port);
    back.send(query, target, '127.0.0.1');
  });
  back.on('message', (response) => front.send(response, clients.get(response.readUInt16BE(0)) ?? 0, '127.0.0.1'));
  for (const socket of [front, back]) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  return {
    at: `127.0.0.1:${front.address().port}`,
    to(port) {
      target = port;
    },
    async [Symbol.asyncDispose]() {
      const closed = [front, back].map((socket) => once(socket, 'close'));
      front.close();
      back.close();
      await Promise.all(closed);
    },
  };
}
