import type { LookupFunction } from 'node:net';
import type { Clock } from '@keelson/base';

/** A pod's address and port, or those of a name outside of the cluster. Compare by `authority`. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** `ADDRESS:PORT`, with brackets for IPv6. */
  readonly authority: string;
  /** How a name is resolved, for each new connection; absent for addresses. */
  readonly lookup?: LookupFunction;
}

export type BackendProtocol = 'http' | 'h2c';

export interface BackendState {
  readonly endpoints: readonly Endpoint[];
  readonly protocol: BackendProtocol;
}

/** How long an endpoint that could not be connected to is left out, if there are others. */
const LEFT_OUT_MS = 2_000;

/** One port of a Service: chooses endpoints in turn. Hot path: one `pick` for each request. */
export class Backend {
  readonly key: string;
  readonly #clock: Clock;
  readonly #failedAtMs = new Map<string, number>();
  #state: BackendState = { endpoints: [], protocol: 'http' };
  #turn = 0;

  constructor(key: string, clock: Clock) {
    this.key = key;
    this.#clock = clock;
  }

  get protocol(): BackendProtocol {
    return this.#state.protocol;
  }

  get endpoints(): readonly Endpoint[] {
    return this.#state.endpoints;
  }

  update(state: BackendState): void {
    this.#state = state;
    const present = new Set(state.endpoints.map(({ authority }) => authority));
    for (const authority of this.#failedAtMs.keys()) if (!present.has(authority)) this.#failedAtMs.delete(authority);
  }

  /** One that is not in `tried`, if possible one that has not just failed. */
  pick(tried: readonly Endpoint[] = []): Endpoint | undefined {
    const { endpoints } = this.#state;
    let second: Endpoint | undefined;
    for (let step = 0; step < endpoints.length; step += 1) {
      const endpoint = endpoints[this.#turn++ % endpoints.length];
      if (!endpoint || tried.some(({ authority }) => authority === endpoint.authority)) continue;
      if (!this.#isLeftOut(endpoint)) return endpoint;
      second ??= endpoint;
    }
    return second;
  }

  /** It could not be connected to. */
  failed({ authority }: Endpoint): void {
    this.#failedAtMs.set(authority, this.#clock.monotonic());
  }

  #isLeftOut({ authority }: Endpoint): boolean {
    const failedAtMs = this.#failedAtMs.get(authority);
    if (failedAtMs === undefined) return false;
    if (this.#clock.monotonic() - failedAtMs < LEFT_OUT_MS) return true;
    this.#failedAtMs.delete(authority);
    return false;
  }
}
