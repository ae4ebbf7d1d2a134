import type { Buffer } from 'node:buffer';
import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { errorMessage } from '@keelson/base';
import { GrpcError } from '../grpc-error.ts';
import { httpFailure, statusIn } from './status.ts';

const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = constants;

/** One call on a connection: watches its stream, and knows in the end how it went. */
export class Call {
  readonly stream: ClientHttp2Stream;
  /** Resolves when the stream has ended well; rejects with a `GrpcError` when it has not. */
  readonly done: Promise<void>;
  readonly #isUntouched: (streamId: number) => boolean;
  #headers: IncomingHttpHeaders | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  #failure: GrpcError | undefined;
  #error: unknown;

  /** `isUntouched`: whether the server has said that it has not begun with a stream. */
  constructor(stream: ClientHttp2Stream, isUntouched: (streamId: number) => boolean) {
    this.stream = stream;
    this.#isUntouched = isUntouched;
    stream.on('response', (headers) => (this.#headers = headers));
    stream.on('trailers', (headers) => (this.#trailers = headers));
    stream.on('error', (error) => (this.#error = error));
    this.done = new Promise((resolve, reject) => {
      stream.on('close', () => {
        const failure = this.#outcome();
        if (failure) reject(failure);
        else resolve();
      });
    });
    // Whoever waits sees it; nobody has to.
    this.done.catch(() => undefined);
  }

  send(frame: Buffer): void {
    if (!this.stream.writableEnded && !this.stream.destroyed) this.stream.write(frame);
  }

  /** Gives the call up, for a reason of our own. The first one counts. */
  fail(failure: GrpcError): void {
    this.#failure ??= failure;
    this.stream.close(NGHTTP2_CANCEL);
    // A stream that nobody reads would not close.
    this.stream.resume();
  }

  #outcome(): GrpcError | undefined {
    if (this.#failure) return this.#failure;
    const said = statusIn(this.#trailers) ?? statusIn(this.#headers);
    if (said) return said === 'OK' ? undefined : said;
    return httpFailure(this.#headers && Number(this.#headers[':status'])) ?? this.#brokenOff();
  }

  #brokenOff(): GrpcError {
    const { id, rstCode } = this.stream;
    const sent = id !== undefined && rstCode !== NGHTTP2_REFUSED_STREAM && !this.#isUntouched(id);
    const why = this.#error === undefined ? 'the connection was lost' : errorMessage(this.#error);
    // When its connection ends, a stream looks as if the server had cancelled it.
    const isCancelled = rstCode === NGHTTP2_CANCEL && this.stream.session?.destroyed === false;
    const code = isCancelled ? 'CANCELLED' : 'UNAVAILABLE';
    return new GrpcError(code, `The call broke off: ${why}`, { sent, cause: this.#error });
  }
}
