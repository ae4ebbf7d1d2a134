import { sleepOn, type Clock } from './clock.ts';

interface Alarm {
  readonly id: number;
  atMs: number;
  readonly periodMs: number | undefined;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. Timers fire in the order of their time, then of their making. */
export class ManualClock implements Clock {
  readonly #alarms = new Map<number, Alarm>();
  #nowMs: number;
  /** How far the time of day is from `#nowMs`. */
  #offsetMs = 0;
  #nextId = 0;

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs + this.#offsetMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Disposable {
    return this.#add(Math.max(0, delayMs), undefined, callback);
  }

  every(periodMs: number, callback: () => void): Disposable {
    return this.#add(periodMs, Math.max(1, periodMs), callback);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Moves time forward by `byMs`, firing what falls due at its own time, and lets promises settle between two timers. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    await settle();
    for (let next = this.#nextUntil(endMs); next; next = this.#nextUntil(endMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.periodMs === undefined) this.#alarms.delete(next.id);
      else next.atMs += next.periodMs;
      next.callback();
      await settle();
    }
    this.#nowMs = endMs;
    await settle();
  }

  /** Sets the time of day forward or back, as an administrator or NTP does. No time passes: timers and `monotonic` do not notice. */
  step(byMs: number): void {
    this.#offsetMs += byMs;
  }

  #add(delayMs: number, periodMs: number | undefined, callback: () => void): Disposable {
    const id = this.#nextId++;
    this.#alarms.set(id, { id, atMs: this.#nowMs + delayMs, periodMs, callback });
    return { [Symbol.dispose]: () => void this.#alarms.delete(id) };
  }

  #nextUntil(endMs: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms.values()) {
      if (alarm.atMs <= endMs && (!first || alarm.atMs < first.atMs)) first = alarm;
    }
    return first;
  }
}

/** Lets everything that is ready to run do so: microtasks, and one turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
