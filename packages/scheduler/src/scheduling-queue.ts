import { keyOf } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { QueuedPod, QueueSortPlugin } from './framework.ts';

/** Back-off after a failed attempt, doubling. */
const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** A pod that no event has helped is tried again after so long. */
const UNSCHEDULABLE_MS = 300_000;
const FLUSH_MS = 1_000;

interface Item extends QueuedPod {
  pod: Pod;
  attempts: number;
  /** When it may be tried again. */
  readyMs: number;
  /** When it was found not to fit. */
  parkedMs: number;
}

interface Dependencies {
  readonly clock: Clock;
  readonly sort: QueueSortPlugin;
}

/**
 * Pods that wait for a node, in one of three places: `active` (to be tried, in the order of the queue sort plugin), `backoff` (to be tried
 * once their back-off is over) and `unschedulable` (to be tried when something has changed that may help, or after five minutes).
 */
export class SchedulingQueue {
  readonly #clock: Clock;
  readonly #sort: QueueSortPlugin;
  readonly #active = new Map<string, Item>();
  readonly #backoff = new Map<string, Item>();
  readonly #unschedulable = new Map<string, Item>();
  readonly #timer: Disposable;
  /** Counts changes of the cluster: a pod whose attempt overlapped with one may have been judged by what was before. */
  #moves = 0;
  #wake: (() => void) | undefined;
  #closed = false;

  constructor({ clock, sort }: Dependencies) {
    this.#clock = clock;
    this.#sort = sort;
    this.#timer = clock.every(FLUSH_MS, () => this.#flush());
  }

  get sizes(): { readonly active: number; readonly backoff: number; readonly unschedulable: number } {
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size };
  }

  /** A new pod, or one that has changed so that it may be schedulable now. */
  add(pod: Pod): void {
    const key = keyOf(pod);
    const known = this.#take(key);
    const item = known ?? { pod, addedMs: this.#clock.monotonic(), attempts: 0, readyMs: 0, parkedMs: 0 };
    item.pod = pod;
    this.#activate(key, item);
  }

  /** The newest state of a pod that waits already, without trying it sooner. */
  refresh(pod: Pod): void {
    const key = keyOf(pod);
    for (const place of [this.#active, this.#backoff, this.#unschedulable]) {
      const item = place.get(key);
      if (item) item.pod = pod;
    }
  }

  delete(pod: Pod): void {
    this.#take(keyOf(pod));
  }

  /** The next pod to try, once there is one; `undefined` when the queue is closed. It is in no place until it is added or parked again. */
  async take(): Promise<Attempt | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const next = this.#first();
      if (next) {
        this.#active.delete(keyOf(next.pod));
        next.attempts += 1;
        return { pod: next.pod, attempts: next.attempts, item: next, moves: this.#moves };
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /**
   * Puts a pod back after a failed attempt. It waits for a change of the cluster if it did not fit; it backs off if the attempt failed
   * otherwise (`retry`), or if the cluster has changed since the attempt began.
   */
  park({ item, moves }: Attempt, why: 'unschedulable' | 'retry'): void {
    const state = item as Item;
    const nowMs = this.#clock.monotonic();
    state.parkedMs = nowMs;
    state.readyMs = nowMs + Math.min(MAX_BACKOFF_MS, INITIAL_BACKOFF_MS * 2 ** Math.max(0, state.attempts - 1));
    const place = why === 'unschedulable' && moves === this.#moves ? this.#unschedulable : this.#backoff;
    place.set(keyOf(state.pod), state);
  }

  /** Something has changed that may make room: pods found unschedulable are tried again, after what is left of their back-off. */
  moveAll(mayHelp: (pod: Pod) => boolean = () => true): void {
    this.#moves += 1;
    for (const [key, item] of this.#unschedulable) {
      if (!mayHelp(item.pod)) continue;
      this.#unschedulable.delete(key);
      this.#requeue(key, item);
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer[Symbol.dispose]();
    this.#signal();
  }

  #first(): Item | undefined {
    let first: Item | undefined;
    for (const item of this.#active.values()) if (!first || this.#sort.compare(item, first) < 0) first = item;
    return first;
  }

  #take(key: string): Item | undefined {
    const item = this.#active.get(key) ?? this.#backoff.get(key) ?? this.#unschedulable.get(key);
    for (const place of [this.#active, this.#backoff, this.#unschedulable]) place.delete(key);
    return item;
  }

  #requeue(key: string, item: Item): void {
    if (item.readyMs > this.#clock.monotonic()) this.#backoff.set(key, item);
    else this.#activate(key, item);
  }

  #activate(key: string, item: Item): void {
    this.#active.set(key, item);
    this.#signal();
  }

  #flush(): void {
    const nowMs = this.#clock.monotonic();
    for (const [key, item] of this.#backoff) {
      if (item.readyMs > nowMs) continue;
      this.#backoff.delete(key);
      this.#activate(key, item);
    }
    for (const [key, item] of this.#unschedulable) {
      if (item.parkedMs + UNSCHEDULABLE_MS > nowMs) continue;
      this.#unschedulable.delete(key);
      this.#requeue(key, item);
    }
  }

  #signal(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}

/** A pod that is being tried. */
export interface Attempt {
  readonly pod: Pod;
  /** This one included. */
  readonly attempts: number;
  /** The queue's own. */
  readonly item: QueuedPod;
  readonly moves: number;
}
