import { KeelsonError, type Clock } from '@keelson/base';
import type { Transport, WatchEvent } from '@keelson/client';
import { Observable, type Subscriber } from 'rxjs';

interface Dependencies {
  readonly transport: Transport;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
}

const LONGEST_DELAY_MS = 20_000;

/**
 * A connection to an API server that cuts, delays, duplicates and truncates: requests fail before or after they have reached the server, or take
 * long; watches end with or without a word, tell things twice, or leave out the rest of what they were about to tell.
 */
export class ChaoticTransport implements Transport {
  readonly #deps: Dependencies;
  /** How often something went wrong. */
  faults = 0;
  isCalm = false;
  /** Whether watches may begin with all objects; older servers refuse that. */
  initialEvents = true;
  /** How many watches were to begin with all objects. */
  wholeWatches = 0;

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  readonly stream: Transport['stream'] = (call) => this.#deps.transport.stream(call);
  readonly upgrade: Transport['upgrade'] = (call, protocols) => this.#deps.transport.upgrade(call, protocols);
  readonly close: Transport['close'] = () => this.#deps.transport.close();

  readonly request: Transport['request'] = async (call) => {
    const { transport, clock } = this.#deps;
    if (this.#happens(0.2)) await clock.sleep(LONGEST_DELAY_MS * this.#deps.random(), call.signal);
    if (this.#happens(0.1)) throw new KeelsonError('ServiceUnavailable', 'chaos: the connection is refused');
    if (this.#happens(0.05)) throw new KeelsonError('Expired', 'chaos: too old');
    if (this.#happens(0.05)) throw new KeelsonError('TooManyRequests', 'chaos: too busy');
    const answer = await transport.request(call);
    if (this.#happens(0.05)) throw new KeelsonError('Timeout', 'chaos: the answer is lost');
    return answer;
  };

  readonly watch: Transport['watch'] = (call) =>
    new Observable<readonly WatchEvent[]>((subscriber) => {
      if (call.query?.['sendInitialEvents']) {
        this.wholeWatches += 1;
        if (!this.initialEvents) {
          subscriber.error(new KeelsonError('Invalid', 'sendInitialEvents is forbidden for watch'));
          return undefined;
        }
      }
      // In order, each after what came before it.
      let last: Promise<void> = Promise.resolve();
      const later = (run: () => void): void => {
        last = last.then(async () => {
          if (this.#happens(0.1)) await this.#deps.clock.sleep(LONGEST_DELAY_MS * this.#deps.random());
          if (!subscriber.closed) run();
        });
      };
      return this.#deps.transport.watch(call).subscribe({
        next: (events) => later(() => this.#tell(subscriber, events)),
        error: (error: unknown) => later(() => subscriber.error(error)),
        complete: () => later(() => subscriber.complete()),
      });
    });

  #tell(subscriber: Subscriber<readonly WatchEvent[]>, events: readonly WatchEvent[]): void {
    if (this.#happens(0.05)) {
      // Cut in the middle: the rest does not come.
      subscriber.next(events.slice(0, Math.floor(events.length * this.#deps.random())));
      subscriber.error(new KeelsonError('ServiceUnavailable', 'chaos: the connection is reset'));
      return;
    }
    subscriber.next(events);
    if (this.#happens(0.1)) subscriber.next(events);
    if (this.#happens(0.05)) subscriber.complete();
    else if (this.#happens(0.04)) subscriber.error(new KeelsonError('ServiceUnavailable', 'chaos: the connection is reset'));
    else if (this.#happens(0.02)) subscriber.error(new KeelsonError('Expired', 'chaos: too old'));
  }

  #happens(share: number): boolean {
    const does = !this.isCalm && this.#deps.random() < share;
    if (does) this.faults += 1;
    return does;
  }
}
