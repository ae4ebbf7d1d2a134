/** Bytes that arrive in pieces and are taken in others. Copies a byte once at most, and none if a piece holds all that is taken. */
export class ByteQueue {
  #pieces: Buffer[] = [];
  #sizeBytes = 0;

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(Buffer.isBuffer(piece) ? piece : Buffer.from(piece));
    this.#sizeBytes += piece.length;
  }

  /** The next bytes, which stay; undefined if there are not as many yet. */
  peek(sizeBytes: number): Buffer | undefined {
    if (this.#sizeBytes < sizeBytes) return undefined;
    let first = this.#pieces[0] ?? Buffer.alloc(0);
    if (first.length < sizeBytes) {
      const count = this.#countHolding(sizeBytes);
      first = Buffer.concat(this.#pieces.slice(0, count));
      this.#pieces.splice(0, count, first);
    }
    return first.subarray(0, sizeBytes);
  }

  /** As `peek`, and removes them. */
  take(sizeBytes: number): Buffer | undefined {
    const taken = this.peek(sizeBytes);
    if (!taken || sizeBytes === 0) return taken;
    const [first = taken] = this.#pieces;
    if (first.length === sizeBytes) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(sizeBytes);
    this.#sizeBytes -= sizeBytes;
    return taken;
  }

  #countHolding(sizeBytes: number): number {
    let held = 0;
    return 1 + this.#pieces.findIndex((piece) => (held += piece.length) >= sizeBytes);
  }
}
