import { isReason } from '@keelson/base';
import { Observable } from 'rxjs';
import type { ApiCall, ApiResponse, Transport, Upgraded } from './transport.ts';

/** Nothing of a call that fails so has reached a server. */
const NOT_CONNECTED = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL']);

/**
 * Several API servers of one cluster as one: all calls go to the same until that is away, and then to the next. A call that cannot have changed
 * anything, or reached nobody, is tried at each of them; others fail, and whoever repeats them gets to the next server.
 */
export function failoverTransport(servers: readonly [Transport, ...Transport[]]): Transport {
  return servers.length === 1 ? servers[0] : new FailoverTransport(servers);
}

class FailoverTransport implements Transport {
  readonly #servers: readonly Transport[];
  #current = 0;

  constructor(servers: readonly [Transport, ...Transport[]]) {
    this.#servers = servers;
  }

  request(call: ApiCall): Promise<ApiResponse> {
    return this.#try(call, (server) => server.request(call));
  }

  watch(call: ApiCall): ReturnType<Transport['watch']> {
    return new Observable((subscriber) => {
      const [place, server] = this.#now();
      return server.watch(call).subscribe({
        next: (events) => subscriber.next(events),
        error: (error: unknown) => {
          // Watches begin again by themselves, where they ended.
          if (isAway(error)) this.#leave(place);
          subscriber.error(error);
        },
        complete: () => subscriber.complete(),
      });
    });
  }

  stream(call: ApiCall): ReturnType<Transport['stream']> {
    return this.#try(call, (server) => server.stream(call));
  }

  upgrade(call: ApiCall, protocols: readonly string[]): Promise<Upgraded> {
    return this.#try(call, (server) => server.upgrade(call, protocols));
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  async #try<T>(call: ApiCall, send: (server: Transport) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      const [place, server] = this.#now();
      try {
        return await send(server);
      } catch (error) {
        // Who waits no longer, since there was no answer in time, has seen enough too.
        if (!isAway(error)) throw error;
        this.#leave(place);
        if (tries >= this.#servers.length || call.signal?.aborted || !mayRepeat(call, error)) throw error;
      }
    }
  }

  #now(): readonly [place: number, server: Transport] {
    const server = this.#servers[this.#current];
    // The place is always one of a server.
    if (!server) throw new TypeError('there is no server');
    return [this.#current, server];
  }

  /** Of several calls that fail at the same server, the first one moves all of them on. */
  #leave(place: number): void {
    if (this.#current === place) this.#current = (place + 1) % this.#servers.length;
  }
}

function isAway(error: unknown): boolean {
  return isReason(error, 'ServiceUnavailable', 'Timeout');
}

function mayRepeat({ method }: ApiCall, error: unknown): boolean {
  return method === 'GET' || NOT_CONNECTED.has(codeOf(error));
}

/** Of what the network said, if it did. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  // Several addresses were tried, and none could be reached.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return first instanceof Error && 'code' in first ? String(first.code) : '';
}
