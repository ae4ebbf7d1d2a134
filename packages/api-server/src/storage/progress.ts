import type { Clock } from '@keelson/base';
import type { Revision, Store } from '@keelson/store';
import type { Subscription } from 'rxjs';

interface Waiter {
  readonly holds: () => boolean;
  readonly done: (held: boolean) => void;
}

/** Up to which revision all caches have been told, and whoever waits for it. */
export class Progress {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  readonly #subscription: Subscription;
  #revision: Revision = 0;
  #over = false;

  constructor(store: Store, clock: Clock) {
    this.#clock = clock;
    this.#subscription = store.progress$.subscribe({
      next: (revision) => {
        this.#revision = revision;
        this.moved();
      },
      error: () => this.#giveUp(),
      complete: () => this.#giveUp(),
    });
  }

  get revision(): Revision {
    return this.#revision;
  }

  /** Some cache has been told something. */
  moved(): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of this.#waiters) if (waiter.holds()) waiter.done(true);
  }

  /** True when the condition holds; false after `timeoutMs`, and once nothing moves any more. */
  reach(holds: () => boolean, timeoutMs?: number): Promise<boolean> {
    if (holds()) return Promise.resolve(true);
    if (this.#over) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = timeoutMs === undefined ? undefined : this.#clock.after(timeoutMs, () => waiter.done(false));
      const waiter: Waiter = {
        holds,
        done: (held) => {
          this.#waiters.delete(waiter);
          timer?.[Symbol.dispose]();
          resolve(held);
        },
      };
      this.#waiters.add(waiter);
    });
  }

  close(): void {
    this.#subscription.unsubscribe();
    this.#giveUp();
  }

  #giveUp(): void {
    this.#over = true;
    for (const waiter of this.#waiters) waiter.done(false);
  }
}
