import type { Transport, WatchEvent } from '@keelson/client';
import { Observable } from 'rxjs';

/** Passes calls on, and keeps what watches bring until it is let go: a cache that lags behind. */
export class HeldApi implements Transport {
  readonly #api: Transport;
  readonly #held: (() => void)[] = [];
  #holds = false;

  constructor(api: Transport) {
    this.#api = api;
  }

  hold(): void {
    this.#holds = true;
  }

  release(): void {
    this.#holds = false;
    for (const deliver of this.#held.splice(0)) deliver();
  }

  readonly request: Transport['request'] = (call) => this.#api.request(call);
  readonly stream: Transport['stream'] = (call) => this.#api.stream(call);
  readonly upgrade: Transport['upgrade'] = (call, protocols) => this.#api.upgrade(call, protocols);
  readonly close: Transport['close'] = () => this.#api.close();

  readonly watch: Transport['watch'] = (call) =>
    new Observable<readonly WatchEvent[]>((subscriber) =>
      this.#api.watch(call).subscribe({
        next: (events) => (this.#holds ? void this.#held.push(() => subscriber.next(events)) : subscriber.next(events)),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      }),
    );
}
