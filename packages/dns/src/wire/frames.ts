/** DNS over TCP: each message comes after its length in two bytes. */
export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(message.length + 2);
  framed.writeUInt16BE(message.length, 0);
  message.copy(framed, 2);
  return framed;
}

/** Puts messages together out of a stream. Holds at most one message that is not yet whole, and so 64 KiB beside the last chunk. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The messages that are whole now. */
  push(chunk: Buffer): Buffer[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    while (rest.length >= 2 && rest.length >= rest.readUInt16BE(0) + 2) {
      const end = rest.readUInt16BE(0) + 2;
      messages.push(rest.subarray(2, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
    return messages;
  }
}
