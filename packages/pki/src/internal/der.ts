/** Writes and reads the little of DER (ITU-T X.690) that certificates need. Values are built inside out, each a complete element. */

const TAGS = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

function lengthOf({ length }: Uint8Array): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = minimalBytes(length);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

/** The number in base 256, most significant first. */
function minimalBytes(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return element(TAGS.sequence, ...items);
}

export function set(item: Uint8Array): Buffer {
  return element(TAGS.set, item);
}

/** The only value worth writing: `false` is the default wherever certificates have a boolean. */
export function yes(): Buffer {
  return element(TAGS.boolean, Buffer.from([0xff]));
}

/** `bytes` is a non-negative number, most significant byte first, without leading zeros. */
export function integer(bytes: Uint8Array): Buffer {
  const isTopBitSet = ((bytes[0] ?? 0) & 0x80) !== 0;
  return element(TAGS.integer, isTopBitSet ? Buffer.from([0]) : Buffer.alloc(0), bytes);
}

export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(TAGS.bitString, Buffer.from([unusedBits]), bytes);
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(TAGS.octetString, bytes);
}

export function utf8(text: string): Buffer {
  return element(TAGS.utf8, Buffer.from(text));
}

/** `oid('2.5.4.3')` is `06 03 55 04 03`: the first two numbers share a byte, others take seven bits a byte. */
export function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  return element(TAGS.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return bytes;
}

/** To the second. RFC 5280 wants two-digit years as long as they are clear: until 2049. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isShort = date.getUTCFullYear() < 2050;
  return element(isShort ? TAGS.utcTime : TAGS.generalizedTime, Buffer.from(isShort ? digits.slice(2) : digits));
}

export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/** The elements in a row of them. The text must be well-formed, as what a certificate parser has accepted is. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const short = bytes.readUInt8(at + 1);
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
    const start = at + 2 + lengthBytes;
    const length = lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes);
    found.push({
      tag: bytes.readUInt8(at),
      content: bytes.subarray(start, start + length),
      whole: bytes.subarray(at, start + length),
    });
    at = start + length;
  }
  return found;
}
