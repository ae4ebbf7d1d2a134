// Hot path: `call` is what every read and write goes through. It costs an object and a promise beyond the call itself.
import { assert, Backoff, errorMessage, KeelsonError, type Clock, type Logger } from '@keelson/base';
import { GrpcChannel, GrpcError, type GrpcMethod, type GrpcStream } from '@keelson/grpc';
import type { EtcdStoreOptions } from '../options.ts';
import { remedyOf, type Remedy } from './failures.ts';
import { AUTHENTICATE } from './rpc.ts';

const KEEP_ALIVE_TIMEOUT_MS = 3_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** How long a member may take for a call that can be made again elsewhere, as a share of the time that there is. */
const ATTEMPT_SHARE = 0.3;
/** Lets a member without a leader refuse a call, instead of waiting for one. */
const REQUIRE_LEADER = { hasleader: 'true' };
type Metadata = Readonly<Record<string, string>>;
const WITHOUT_USER: Promise<Metadata> = Promise.resolve(REQUIRE_LEADER);

export interface EtcdClusterOptions extends Pick<EtcdStoreOptions, 'endpoints' | 'tls' | 'user' | 'keepAliveMs'> {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

/** One server of the cluster. */
export interface Member {
  readonly endpoint: string;
  readonly channel: GrpcChannel;
}

/** The members of an etcd cluster: sends calls to one of them, and to the next one when it fails. */
export class EtcdCluster {
  readonly #options: EtcdClusterOptions;
  readonly #members: readonly Member[];
  readonly #closed = new AbortController();
  #current = 0;
  /** What the next call proves by who we are; undefined: to be asked for. */
  #token: Promise<Metadata> | undefined;

  constructor(options: EtcdClusterOptions) {
    const { endpoints, tls = {}, clock, keepAliveMs = 10_000 } = options;
    if (endpoints.length === 0) throw new KeelsonError('BadRequest', 'Cannot use etcd without endpoints');
    this.#options = options;
    const timeouts = { connectTimeoutMs: CONNECT_TIMEOUT_MS, keepAliveMs, keepAliveTimeoutMs: KEEP_ALIVE_TIMEOUT_MS };
    this.#members = endpoints.map((endpoint) => ({
      endpoint,
      channel: new GrpcChannel({ address: endpoint, tls, clock, ...timeouts }),
    }));
    // Not all replicas of a program on the same member.
    this.#current = Math.floor(Math.random() * endpoints.length);
  }

  /** Aborts when the cluster is no longer used. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  /** The member that is asked at the moment. */
  get member(): Member {
    const member = this.#members[this.#current];
    assert(member, 'there is a member');
    return member;
  }

  /**
   * Makes a call, on one member after the other until one answers or there is no time left. `repeatable`: it has no effect, or may have it
   * twice; others are made again only if they have had none.
   */
  async call<Response, Request>(
    method: GrpcMethod<Response, Request>,
    request: Request,
    { repeatable }: { readonly repeatable: boolean },
  ): Promise<Response> {
    const { clock, timeoutMs } = this.#options;
    const endMs = clock.monotonic() + timeoutMs;
    const backoff = new Backoff({ initialMs: 20, maxMs: 500, jitter: 0.5 });
    for (;;) {
      const { member } = this;
      const leftMs = endMs - clock.monotonic();
      try {
        const metadata = await this.#metadata(member, leftMs);
        const attemptMs = repeatable ? Math.min(leftMs, timeoutMs * ATTEMPT_SHARE) : leftMs;
        return await member.channel.unary(method, request, { timeoutMs: attemptMs, metadata, signal: this.signal });
      } catch (error) {
        if (!(error instanceof GrpcError) || this.signal.aborted) throw error;
        const remedy = this.#afterFailure(member, error, repeatable);
        const delayMs = backoff.next();
        if (remedy === 'none' || clock.monotonic() + delayMs >= endMs) throw error;
        await clock.sleep(delayMs, this.signal);
      }
    }
  }

  /** Begins a call that lasts, on the member of the moment. */
  async stream<Response, Request>(
    method: GrpcMethod<Response, Request>,
  ): Promise<{ readonly stream: GrpcStream<Response, Request>; readonly member: Member }> {
    const { member } = this;
    const metadata = await this.#metadata(member, this.#options.timeoutMs);
    return { stream: await member.channel.stream(method, { metadata, signal: this.signal }), member };
  }

  /** Turns to the next member, if `member` is still the one that is asked. */
  leave(member: Member, why: unknown): void {
    if (this.member !== member) return;
    this.#current = (this.#current + 1) % this.#members.length;
    if (this.#members.length === 1) return;
    const fields = { endpoint: member.endpoint, next: this.member.endpoint, error: errorMessage(why) };
    this.#options.logger.warn('an etcd member does not answer, asking the next one', fields);
  }

  /** Lets the next call log in again. */
  forgetToken(): void {
    this.#token = undefined;
  }

  close(): void {
    this.#closed.abort(new KeelsonError('ServiceUnavailable', 'The store is closed'));
    for (const { channel } of this.#members) channel.close();
  }

  #afterFailure(member: Member, error: GrpcError, repeatable: boolean): Remedy {
    const remedy = remedyOf(error, repeatable);
    if (remedy === 'another token' && this.#options.user === undefined) return 'none';
    if (remedy === 'another token') this.forgetToken();
    // It may be frozen, with other calls waiting for it.
    if (error.grpcCode === 'DEADLINE_EXCEEDED') void member.channel.probe();
    if (remedy === 'another member' || error.grpcCode === 'DEADLINE_EXCEEDED') this.leave(member, error);
    return remedy;
  }

  #metadata(member: Member, timeoutMs: number): Promise<Metadata> {
    const { user } = this.#options;
    if (!user) return WITHOUT_USER;
    if (!this.#token) {
      const token = this.#logIn(member, user, timeoutMs * ATTEMPT_SHARE);
      token.catch(() => {
        if (this.#token === token) this.#token = undefined;
      });
      this.#token = token;
    }
    return this.#token;
  }

  async #logIn(member: Member, user: { readonly name: string; readonly password: string }, timeoutMs: number): Promise<Metadata> {
    try {
      const { token } = await member.channel.unary(AUTHENTICATE, user, { timeoutMs, signal: this.signal });
      return { ...REQUIRE_LEADER, token };
    } catch (error) {
      // Logging in may be tried again, and the call that needed it has not been made.
      if (error instanceof GrpcError && (error.grpcCode === 'UNAVAILABLE' || error.grpcCode === 'DEADLINE_EXCEEDED')) {
        throw new GrpcError(error.grpcCode, error.message, { sent: false, cause: error });
      }
      throw error;
    }
  }
}
