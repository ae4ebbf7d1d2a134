import type { Socket } from 'node:dgram';
import type { Clock } from '@keelson/base';
import type { ProxyEndpoint } from '../endpoints.ts';
import { createUdpSocket } from './udp-socket.ts';

/** Bytes that may wait in a socket; more is dropped, as a full queue in the kernel would. */
const MOST_QUEUED_BYTES = 1024 * 1024;
/** First packets that are kept until the endpoint has answered, to be sent to another one if it refuses. */
const MOST_UNSURE = 16;
const MOST_UNSURE_BYTES = 16 * 1024;

export interface UdpFlowEvents {
  reply(packet: Buffer): void;
  /** The endpoint can't be reached. `unsure` are the packets that nothing was heard of since. The flow is of no use any more. */
  failed(unsure: readonly Buffer[]): void;
}

/** The packets between one client and one endpoint. Its socket is connected, so that a refusal is heard of and strangers are not. */
export class UdpFlow {
  readonly endpoint: ProxyEndpoint;
  usedAtMs: number;
  readonly #clock: Clock;
  readonly #events: UdpFlowEvents;
  readonly #socket: Socket;
  #unsure: Buffer[] | undefined = [];
  #unsureBytes = 0;
  #connected = false;
  #closed = false;

  constructor(endpoint: ProxyEndpoint, clock: Clock, events: UdpFlowEvents) {
    this.endpoint = endpoint;
    this.usedAtMs = clock.monotonic();
    this.#clock = clock;
    this.#events = events;
    this.#socket = createUdpSocket(endpoint.address);
    this.#socket.on('message', (packet) => this.#fromEndpoint(packet));
    this.#socket.on('error', () => this.#fail());
    this.#socket.connect(endpoint.port, endpoint.address, () => this.#flush());
  }

  send(packet: Buffer): void {
    this.usedAtMs = this.#clock.monotonic();
    this.#keep(packet);
    if (this.#connected) this.#write(packet);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #keep(packet: Buffer): void {
    const isFull = this.#unsureBytes > MOST_UNSURE_BYTES || (this.#unsure?.length ?? 0) >= MOST_UNSURE;
    if (isFull) return;
    this.#unsure?.push(packet);
    this.#unsureBytes += packet.length;
  }

  #flush(): void {
    if (this.#closed) return;
    this.#connected = true;
    for (const packet of this.#unsure ?? []) this.#write(packet);
  }

  #write(packet: Buffer): void {
    if (this.#closed || this.#socket.getSendQueueSize() > MOST_QUEUED_BYTES) return;
    this.#socket.send(packet, (error) => error && this.#fail());
  }

  #fromEndpoint(packet: Buffer): void {
    this.usedAtMs = this.#clock.monotonic();
    this.#unsure = undefined;
    this.#events.reply(packet);
  }

  #fail(): void {
    if (this.#closed) return;
    this.close();
    this.#events.failed(this.#unsure ?? []);
  }
}
