import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

/** A document to send. */
export interface DocumentResponse {
  readonly status: number;
  readonly body: Buffer;
  readonly contentType: string;
  /** With its quotes. */
  readonly etag?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What counts of a request's headers. */
export interface DocumentHeaders {
  readonly accept?: string | undefined;
  readonly acceptEncoding?: string | undefined;
  readonly ifNoneMatch?: string | undefined;
}

/** An encoded document: its bytes, and what follows from them, each worked out when first wanted. */
export class EncodedDocument {
  readonly bytes: Buffer;
  readonly contentType: string;
  #etag: string | undefined;
  #gzipped: Buffer | undefined;

  constructor(bytes: Buffer, contentType: string) {
    this.bytes = bytes;
    this.contentType = contentType;
  }

  static json(value: unknown, contentType = 'application/json'): EncodedDocument {
    return new EncodedDocument(Buffer.from(JSON.stringify(value)), contentType);
  }

  /** SHA-256 of the bytes in upper-case hexadecimal, without quotes. */
  get hash(): string {
    this.#etag ??= createHash('sha256').update(this.bytes).digest('hex').toUpperCase();
    return this.#etag;
  }

  get gzipped(): Buffer {
    this.#gzipped ??= gzipSync(this.bytes, { level: 4 });
    return this.#gzipped;
  }

  /** 304 without a body if the client has these bytes already. */
  respond(ifNoneMatch: string | undefined, headers: Readonly<Record<string, string>> = {}): DocumentResponse {
    const etag = `"${this.hash}"`;
    const isKnown = ifNoneMatch?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag || tag.trim() === '*') ?? false;
    const sent = { contentType: this.contentType, etag, headers: { Vary: 'Accept', ...headers } };
    return isKnown ? { status: 304, body: Buffer.alloc(0), ...sent } : { status: 200, body: this.bytes, ...sent };
  }
}
