import type { Readable } from 'node:stream';
import type { Endpoint } from '../backends/backend.ts';
import type { HeaderPairs } from '../clients/exchange.ts';

/** What is sent to an endpoint. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: HeaderPairs;
  /** Not read before there is a connection. */
  readonly body: Readable | undefined;
}

/** The beginning of an answer. `body` has to be read or destroyed by whoever gets it. */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: HeaderPairs;
  readonly body: Readable;
  /** Known once the body has ended. */
  trailers(): HeaderPairs;
}

/** What became of a try with one endpoint. */
export type Attempt =
  | { readonly outcome: 'answered'; readonly response: UpstreamResponse }
  /** Nothing of the request was sent: it can go to another endpoint. */
  | { readonly outcome: 'unreachable'; readonly error: unknown }
  /** A connection from before was closed by the other side as it was used: the request may be sent again if that is harmless. */
  | { readonly outcome: 'stale'; readonly error: unknown }
  | { readonly outcome: 'timeout'; readonly error: unknown }
  | { readonly outcome: 'failed'; readonly error: unknown };

/** A way to speak with endpoints. Keeps connections to use them again. */
export interface Upstream {
  /** Never rejects. The signal ends it at any time, the answer's body included. */
  send(endpoint: Endpoint, request: UpstreamRequest, signal: AbortSignal): Promise<Attempt>;
  close(): void;
}

export interface UpstreamOptions {
  readonly connectTimeoutMs: number;
  /** The longest time without a byte. */
  readonly idleTimeoutMs: number;
}

export class IdleTimeout extends Error {
  constructor(idleTimeoutMs: number) {
    super(`nothing was heard for ${idleTimeoutMs} ms`);
  }
}
