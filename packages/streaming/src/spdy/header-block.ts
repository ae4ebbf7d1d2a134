import { createInflate, type Inflate } from 'node:zlib';

/** The names and values of a stream, names in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** Decompressed; more than any client of ours has a use for. */
const MAX_BLOCK_BYTES = 64 * 1024;

// The dictionary that both ends of a SPDY/3 connection start with: these names and values, each after its length in four bytes, and
// then a run of text. A constant of the protocol (draft-mbelshe-httpbis-spdy-00, section 2.6.10.1).
const DICTIONARY_WORDS = [
  'options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization',
  'cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range',
  'content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified',
  'location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding',
  'upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin',
]
  .join(' ')
  .split(' ')
  .map((word) => word.replace('_', ' '));
const DICTIONARY_TEXT =
  '100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505' +
  '203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found' +
  '500 Internal Server Error501 Not Implemented503 Service Unavailable' +
  'Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT' +
  'chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,public' +
  'privatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.';

export const DICTIONARY: Buffer = Buffer.concat([
  ...DICTIONARY_WORDS.map(lengthPrefixed),
  Buffer.from(DICTIONARY_TEXT, 'latin1'),
]);

/** The header blocks that one end sends are one zlib stream, so they must be read in order, each once. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary: DICTIONARY });
  #chunks: Buffer[] = [];
  #sizeBytes = 0;
  #fail: ((error: Error) => void) | undefined;

  constructor() {
    this.#inflate.on('readable', () => this.#drain());
    this.#inflate.on('error', (error) => this.#fail?.(error));
  }

  /** Rejects if the block is no zlib, too large or cut off; nothing can be read after that. */
  async read(block: Uint8Array): Promise<SpdyHeaders> {
    await new Promise<void>((resolve, reject) => {
      this.#fail = reject;
      this.#inflate.write(block, () => resolve());
    });
    this.#drain();
    const plain = Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#sizeBytes = 0;
    return parseHeaders(plain);
  }

  close(): void {
    this.#inflate.destroy();
  }

  #drain(): void {
    for (let chunk = this.#inflate.read() as Buffer | null; chunk !== null; chunk = this.#inflate.read() as Buffer | null) {
      this.#chunks.push(chunk);
      this.#sizeBytes += chunk.length;
    }
    if (this.#sizeBytes > MAX_BLOCK_BYTES) this.#fail?.(new Error(`SPDY header block exceeds ${MAX_BLOCK_BYTES} bytes`));
  }
}

/** An empty block: Go's inflater gives out nothing of what came before until it sees one. */
const SYNC = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/**
 * Writes header blocks as a zlib stream of stored (uncompressed) blocks: ours are a few bytes, and storing needs neither state nor
 * waiting.
 */
export class HeaderWriter {
  #begun = false;

  write(headers: SpdyHeaders): Buffer {
    const plain = formatHeaders(headers);
    const stored = Buffer.alloc(5);
    stored.writeUInt16LE(plain.length, 1);
    stored.writeUInt16LE(~plain.length & 0xffff, 3);
    const start = this.#begun ? Buffer.alloc(0) : Buffer.from([0x78, 0x01]);
    this.#begun = true;
    return Buffer.concat([start, stored, plain, SYNC]);
  }
}

function formatHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(entries.length);
  return Buffer.concat([
    count,
    ...entries.flatMap(([name, value]) => [lengthPrefixed(name.toLowerCase()), lengthPrefixed(value)]),
  ]);
}

function lengthPrefixed(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Values of a repeated name are joined by a zero byte on the wire; the first counts. */
function parseHeaders(plain: Buffer): SpdyHeaders {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  let at = 4;
  const text = (): string => {
    const length = plain.readUInt32BE(at);
    if (at + 4 + length > plain.length) throw new Error('SPDY header block is cut off');
    at += 4 + length;
    return plain.toString('utf8', at - length, at);
  };
  const count = plain.readUInt32BE(0);
  for (let i = 0; i < count; i += 1) {
    const name = text().toLowerCase();
    headers[name] = text().split('\0')[0] ?? '';
  }
  return headers;
}
