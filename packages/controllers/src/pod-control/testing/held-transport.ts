import type { ApiCall, Transport, WatchEvent } from '@keelson/client';
import { Observable } from 'rxjs';

/** A transport whose watches can be made to lag behind, and whose calls can be made to fail. */
export class HeldTransport implements Transport {
  /** Throws in place of the server, or waits before it is asked. */
  intercept: (call: ApiCall) => unknown = () => undefined;
  readonly #inner: Transport;
  readonly #held = new Set<string>();
  #waiting: (() => void)[] = [];

  constructor(inner: Transport) {
    this.#inner = inner;
  }

  /** Another transport that is held, and fails, as this one. */
  over(inner: Transport): Transport {
    return {
      request: (call) => this.#request(inner, call),
      watch: (call) => this.#watch(inner, call),
      stream: (call) => inner.stream(call),
      upgrade: (call, protocols) => inner.upgrade(call, protocols),
      close: async () => undefined,
    };
  }

  /** From now on no events of these resources (`pods`) arrive. */
  hold(...resources: readonly string[]): void {
    for (const resource of resources) this.#held.add(resource);
  }

  /** What was held back arrives. */
  release(): void {
    this.#held.clear();
    for (const deliver of this.#waiting.splice(0)) deliver();
  }

  request(call: ApiCall): ReturnType<Transport['request']> {
    return this.#request(this.#inner, call);
  }

  watch(call: ApiCall): Observable<readonly WatchEvent[]> {
    return this.#watch(this.#inner, call);
  }

  async #request(inner: Transport, call: ApiCall): ReturnType<Transport['request']> {
    await this.intercept(call);
    return inner.request(call);
  }

  #watch(inner: Transport, call: ApiCall): Observable<readonly WatchEvent[]> {
    const resource = call.path.slice(call.path.lastIndexOf('/') + 1);
    return new Observable((subscriber) =>
      inner.watch(call).subscribe({
        next: (events) => {
          if (this.#held.has(resource)) this.#waiting.push(() => subscriber.next(events));
          else subscriber.next(events);
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
  }

  stream(call: ApiCall): ReturnType<Transport['stream']> {
    return this.#inner.stream(call);
  }

  upgrade(call: ApiCall, protocols: readonly string[]): ReturnType<Transport['upgrade']> {
    return this.#inner.upgrade(call, protocols);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
