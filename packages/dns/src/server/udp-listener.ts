import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import type { RequestHandler } from './request-handler.ts';

/** Bursts wait here while JavaScript is busy. The kernel gives what it allows. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** Answers packets on one UDP port. */
export class UdpListener {
  readonly #socket: Socket;
  #open = true;

  private constructor(socket: Socket, handler: RequestHandler) {
    this.#socket = socket;
    // What a client no longer takes is told as an error of the socket; it is nobody's business here.
    socket.on('error', () => undefined);
    socket.on('message', (packet, { address, port, family }) => {
      const response = handler.handle(packet, { proto: 'udp', isIpv6: family === 'IPv6' });
      if (response instanceof Promise) void response.then((late) => this.#send(late, port, address));
      else if (response) this.#send(response, port, address);
    });
  }

  static async open(host: string, port: number, handler: RequestHandler): Promise<UdpListener> {
    const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
    socket.bind(port, host);
    try {
      await once(socket, 'listening');
    } catch (error) {
      socket.close();
      throw error;
    }
    trySetBuffer(socket);
    return new UdpListener(socket, handler);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #send(response: Buffer, port: number, address: string): void {
    // Nobody can send from port 0, but anybody can write it into a packet.
    if (this.#open && port !== 0) this.#socket.send(response, port, address, () => undefined);
  }
}

function trySetBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The default will do.
  }
}
