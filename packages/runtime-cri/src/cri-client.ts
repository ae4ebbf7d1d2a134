import { Backoff, isReason, KeelsonError, type Clock } from '@keelson/base';
import { GrpcChannel, GrpcError, type GrpcMethod, type GrpcStream } from '@keelson/grpc';

export interface CriCall {
  readonly signal?: AbortSignal | undefined;
  /** How long the runtime may take. Default: what `CriClient` was made with. */
  readonly timeoutMs?: number;
  /** It may be made twice: asked again at once if the connection broke off. */
  readonly isRepeatable?: boolean;
}

/** Within this time a runtime has noticed that a process of its own is gone. */
const NOTICE_MS = 3_000;

/** Calls to a CRI runtime's socket. */
export class CriClient implements Disposable {
  readonly #channel: GrpcChannel;
  readonly #clock: Clock;
  readonly #timeoutMs: number;

  constructor({ endpoint, clock, timeoutMs }: { readonly endpoint: string; readonly clock: Clock; readonly timeoutMs: number }) {
    this.#channel = new GrpcChannel({ address: endpoint, clock });
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * A runtime that was restarted has closed its connections, which shows at the first call: that one is made again, if it was not begun or
   * may be made twice. Rejects with the runtime's words, and with `ServiceUnavailable` if it does not answer.
   */
  async call<Response, Request>(method: GrpcMethod<Response, Request>, request: Request, call: CriCall = {}): Promise<Response> {
    const { signal, timeoutMs = this.#timeoutMs, isRepeatable = false } = call;
    const options = { timeoutMs, ...(signal && { signal }) };
    try {
      return await this.#channel.unary(method, request, options);
    } catch (error) {
      signal?.throwIfAborted();
      const isAway = error instanceof GrpcError && error.grpcCode === 'UNAVAILABLE';
      if (!isAway || (error.sent && !isRepeatable)) throw wordsOf(error, method.path);
    }
    return this.#channel.unary(method, request, options).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw wordsOf(error, method.path);
    });
  }

  /**
   * A call that ends something. containerd fails over what ends by itself while it is being killed (`ttrpc: closed`): it is asked again for a
   * moment, until it has noticed.
   */
  async end<Response, Request>(method: GrpcMethod<Response, Request>, request: Request, call: CriCall = {}): Promise<void> {
    const endMs = this.#clock.monotonic() + NOTICE_MS;
    const backoff = new Backoff({ initialMs: 20, maxMs: 500 });
    for (;;) {
      try {
        return void (await this.call(method, request, call));
      } catch (error) {
        if (!isReason(error, 'InternalError') || this.#clock.monotonic() >= endMs) throw error;
      }
      await this.#clock.sleep(backoff.next(), call.signal);
    }
  }

  /** A call whose answers go on and on. */
  async stream<Response, Request>(
    method: GrpcMethod<Response, Request>,
    request: Request,
    signal: AbortSignal,
  ): Promise<GrpcStream<Response, Request>> {
    const stream = await this.#channel.stream(method, { signal });
    stream.send(request);
    stream.end();
    return stream;
  }

  [Symbol.dispose](): void {
    this.#channel.close();
  }
}

/** Runtimes say `UNKNOWN` for nearly everything: that is an error of theirs. A runtime that took too long does not answer. */
function wordsOf(error: unknown, path: string): unknown {
  if (!(error instanceof GrpcError)) return error;
  const { grpcCode, message } = error;
  if (grpcCode === 'DEADLINE_EXCEEDED') return new KeelsonError('ServiceUnavailable', `"${path}": ${message}`, { cause: error });
  if (grpcCode === 'UNKNOWN') return new KeelsonError('InternalError', message, { cause: error });
  return error;
}
