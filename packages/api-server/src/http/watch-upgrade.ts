import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '@keelson/base';
import { acceptWebSocketSender, type WebSocketSender } from '@keelson/streaming';
import { isBearerProtocol } from '../auth/authenticators.ts';
import { PROTOBUF } from '../protobuf/index.ts';
import type { WatchResult } from '../response/api-result.ts';
import type { BodyWriter } from './exchange.ts';
import { WatchWriter, type WatchFormat } from './watch-writer.ts';

/** A request that asks for another protocol, and what it came on. */
export interface UpgradeRequest {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

export interface WatchUpgrade {
  readonly result: WatchResult;
  readonly format: WatchFormat & { readonly contentType: string };
  readonly clock: Clock;
}

/** In front of each event in protobuf: how long it is, which a message says by itself. */
const LENGTH_BYTES = 4;

/** Serves a watch over a WebSocket, an event a message: texts of JSON, or protobuf. Resolves when it is over; never rejects. */
export async function serveWatchUpgrade(upgrade: UpgradeRequest, { result, format, clock }: WatchUpgrade): Promise<void> {
  const { request, socket, head } = upgrade;
  const sender = acceptWebSocketSender(request, socket, head, [...protocolsOf(request), '']);
  if (!sender) return;
  const body = new MessageWriter(sender, socket, format.contentType.startsWith(PROTOBUF));
  const writer = new WatchWriter(body, format, clock);
  using opened = result.open(writer);
  writer.onCut = () => opened[Symbol.dispose]();
  await sender.closed;
}

/** What a client calls its protocol makes no difference; that one of them is its token does. */
function protocolsOf({ headers }: IncomingMessage): string[] {
  const offered = headers['sec-websocket-protocol']?.split(',').map((text) => text.trim()) ?? [];
  return offered.filter((protocol) => !isBearerProtocol(protocol));
}

/** Each piece is a message. */
class MessageWriter implements BodyWriter {
  readonly isChunked = false;
  readonly #sender: WebSocketSender;
  readonly #socket: Duplex;
  readonly #isProtobuf: boolean;
  #drained: (() => void)[] = [];
  backlogBytes = 0;

  constructor(sender: WebSocketSender, socket: Duplex, isProtobuf: boolean) {
    this.#sender = sender;
    this.#socket = socket;
    this.#isProtobuf = isProtobuf;
  }

  write(bytes: Uint8Array): void {
    const message = this.#isProtobuf ? bytes.subarray(LENGTH_BYTES) : bytes;
    this.backlogBytes += message.length;
    const sent = (): void => this.#sent(message.length);
    // It fails when the client is gone, which ends the watch.
    this.#sender.send(message, this.#isProtobuf ? 'binary' : 'text').then(sent, sent);
  }

  writeRaw(bytes: Uint8Array): void {
    this.write(bytes);
  }

  onDrain(listener: () => void): void {
    this.#drained.push(listener);
  }

  end(): void {
    this.#sender.close();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #sent(bytes: number): void {
    this.backlogBytes -= bytes;
    if (this.backlogBytes > 0) return;
    const listeners = this.#drained;
    this.#drained = [];
    for (const listener of listeners) listener();
  }
}
