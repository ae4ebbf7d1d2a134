import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** An address out of 127/8 that no other test uses. */
export function ownLoopbackAddress(): string {
  const byte = (): number => 1 + Math.floor(Math.random() * 250);
  return `127.${60 + Math.floor(Math.random() * 100)}.${byte()}.${byte()}`;
}

export interface TestServer extends AsyncDisposable {
  /** `address:port`. */
  readonly at: string;
  readonly port: number;
  readonly connections: Set<Socket>;
}

/** A TCP server on a port of its own. By default it says its name to each client and then ends. */
export async function tcpServer(
  name: string,
  serve: (socket: Socket) => void = (socket) => socket.end(name),
  host = '127.0.0.1',
): Promise<TestServer> {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => connections.delete(socket));
    serve(socket);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    at: `${host}:${port}`,
    port,
    connections,
    async [Symbol.asyncDispose]() {
      for (const socket of connections) socket.destroy();
      const closed = once(server, 'close');
      server.close();
      await closed;
    },
  };
}

/** A port of loopback on which nobody listens, nor will: it is on an address that nobody else is given. */
export async function closedPort(): Promise<string> {
  await using server = await tcpServer('soon gone', undefined, ownLoopbackAddress());
  return server.at;
}

/** Everything that a server says until it ends; rejects with the socket's error. */
export function tcpAsk(host: string, port: number, question?: string, from = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host, port, localAddress: from });
    if (question !== undefined) socket.end(question);
    socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

/** A UDP server that answers each packet with its name and the packet. */
export async function udpServer(name: string, host = '127.0.0.1'): Promise<TestServer & { readonly clients: Set<number> }> {
  const clients = new Set<number>();
  const socket = createSocket('udp4');
  socket.on('message', (packet, from) => {
    clients.add(from.port);
    socket.send(`${name} ${packet.toString()}`, from.port, from.address);
  });
  socket.bind(0, host);
  await once(socket, 'listening');
  const { port } = socket.address();
  return {
    at: `${host}:${port}`,
    port,
    clients,
    connections: new Set(),
    async [Symbol.asyncDispose]() {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

/** One client port, which asks and waits for the answer. It repeats nothing: on loopback nothing is lost. */
export class UdpClient implements AsyncDisposable {
  readonly #socket: UdpSocket = createSocket('udp4');

  static async open(): Promise<UdpClient> {
    const client = new UdpClient();
    client.#socket.bind(0, '127.0.0.1');
    await once(client.#socket, 'listening');
    return client;
  }

  async ask(host: string, port: number, question: string): Promise<string> {
    const answer = once(this.#socket, 'message', { signal: AbortSignal.timeout(30_000) });
    this.#socket.send(question, port, host);
    const [packet] = (await answer) as [Buffer];
    return packet.toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }
}
