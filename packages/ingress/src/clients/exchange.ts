import type { Readable, Writable } from 'node:stream';

/** Names and values as they were sent, in order. */
export type HeaderPairs = readonly (readonly [name: string, value: string])[];

/** A request of a client, and the way to answer it, whatever version of HTTP it speaks. */
export interface Exchange {
  readonly method: string;
  /** Host and port as the client named them. */
  readonly authority: string;
  /** Path and query as they were sent. */
  readonly target: string;
  /** Without pseudo headers. */
  readonly headers: HeaderPairs;
  readonly protocol: 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2.0';
  readonly isEncrypted: boolean;
  readonly remoteAddress: string;
  readonly hasBody: boolean;
  readonly body: Readable;
  /** Once at most. What is written to the result is the answer's body; `trailers` is asked when it ends. */
  respond(status: number, headers: HeaderPairs, trailers?: () => HeaderPairs): Writable;
  /** Breaks the answer off, so that the client can tell. */
  abort(): void;
  /** `listener` is called when the client is gone or has everything. */
  onClose(listener: () => void): void;
}

/** `name` in lower case; the first value. */
export function headerOf(headers: HeaderPairs, name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

/** As Node has them in `rawHeaders`. */
export function pairsOf(raw: readonly string[]): HeaderPairs {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) pairs.push([raw[index] ?? '', raw[index + 1] ?? '']);
  return pairs;
}
