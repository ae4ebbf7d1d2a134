import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeelsonError, type Clock, type StatusReason } from '@keelson/base';
import { ManualClock } from '@keelson/base/testing';
import type { Subscription } from 'rxjs';
import { afterEach, expect } from 'vitest';
import type { StoreOptions } from '../options.ts';
import type { Entry, Key, Revision, Store, StoreEvent, Write } from '../store.ts';
import { RebasedStore } from './rebased-store.ts';

export interface OpenOptions extends StoreOptions {
  /**
   * An empty directory of the test's own. Opening it again must find what a durable store had in it. Of no use to a driver whose data is on
   * a server.
   */
  readonly place: string;
}

export type OpenStore = (options: OpenOptions) => Store | Promise<Store>;

/** What a watch gave so far. */
export interface Recording {
  readonly commits: (readonly StoreEvent[])[];
  error?: unknown;
  completed: boolean;
  readonly subscription: Subscription;
}

/** How a test makes time pass that keys are given to live. */
export interface TimeToLive {
  readonly clock: Clock | undefined;
  /** What to give a key that is to live for about `seconds`, of the test's time. */
  seconds(seconds: number): number;
  /** Lets that time pass, or begin to: what happens then has to be waited for. */
  pass(ms: number): Promise<void>;
}

/** By how much faster the time of a server's test passes. */
const HASTE = 30;

/** Opens stores and watches for one test after the other, and ends them. */
export class Harness {
  readonly #open: OpenStore;
  /** The data is on a server: it has its own clock, and is used by one test after the other. */
  readonly remote: boolean;
  /** The revisions of the server at which places were new. */
  readonly #bases = new Map<string, Revision>();
  readonly #stores = new Set<Store>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #places: string[] = [];

  constructor(open: OpenStore, { remote = false }: { readonly remote?: boolean | undefined } = {}) {
    this.#open = open;
    this.remote = remote;
    afterEach(() => this.#end());
  }

  async place(): Promise<string> {
    const place = await mkdtemp(join(tmpdir(), 'keelson-store-'));
    this.#places.push(place);
    return place;
  }

  async open(options: Partial<OpenOptions> = {}): Promise<Store> {
    const place = options.place ?? (await this.place());
    const opened = await this.#open({ ...options, place });
    const store = this.remote ? await this.#rebase(opened, place) : opened;
    this.#stores.add(store);
    return store;
  }

  timeToLive(): TimeToLive {
    if (this.remote) {
      return { clock: undefined, seconds: (seconds) => Math.ceil(seconds / HASTE), pass: () => Promise.resolve() };
    }
    const clock = new ManualClock();
    return { clock, seconds: (seconds) => seconds, pass: (ms) => clock.advance(ms) };
  }

  async close(store: Store): Promise<void> {
    this.#stores.delete(store);
    await store.close();
  }

  record(store: Store, prefix: Key, after: Revision): Recording {
    const commits: (readonly StoreEvent[])[] = [];
    const recording: Omit<Recording, 'subscription'> = { commits, completed: false };
    const subscription = store.watch(prefix, after).subscribe({
      next: (events) => commits.push(events),
      error: (error) => (recording.error = error),
      complete: () => (recording.completed = true),
    });
    this.#subscriptions.add(subscription);
    return Object.assign(recording, { subscription });
  }

  async #rebase(store: Store, place: string): Promise<Store> {
    let base = this.#bases.get(place);
    if (base === undefined) {
      const { entries } = await store.range('');
      for (const each of chunks(entries)) await store.commit(each.map(({ key }) => del(key)));
      // The revision before the first one has to be readable, too.
      await store.commit([put('/', '')]);
      base = await store.commit([del('/')]);
      this.#bases.set(place, base);
    }
    return new RebasedStore(store, base);
  }

  async #end(): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    this.#subscriptions.clear();
    for (const store of this.#stores) await store.close();
    this.#stores.clear();
    for (const place of this.#places.splice(0)) await rm(place, { recursive: true, force: true });
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function put(key: Key, text: string, ttlSeconds?: number): Write {
  return { type: 'put', key, value: bytes(text), ...(ttlSeconds === undefined ? {} : { ttlSeconds }) };
}

/** What every driver takes in one commit. */
const WRITES_A_COMMIT = 100;

export function chunks<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / WRITES_A_COMMIT) }, (_, i) =>
    items.slice(i * WRITES_A_COMMIT, (i + 1) * WRITES_A_COMMIT),
  );
}

export function del(key: Key): Write {
  return { type: 'delete', key };
}

/** An entry, an event or an absent one as text that is easy to compare: `key=value @revision ^createRevision`. */
export function show(entry: Entry | undefined): string | undefined {
  return entry && `${entry.key}=${new TextDecoder().decode(entry.value)} @${entry.revision} ^${entry.createRevision}`;
}

export function showEvent(event: StoreEvent): string {
  const previous = event.previous ? ` was ${show(event.previous)}` : '';
  return event.type === 'put' ? `put ${show(event.entry)}${previous}` : `delete ${event.key} @${event.revision}${previous}`;
}

export function showCommits(commits: readonly (readonly StoreEvent[])[]): string[][] {
  return commits.map((events) => events.map(showEvent));
}

export async function expectReason(promise: Promise<unknown>, reason: StatusReason): Promise<void> {
  const outcome = await promise.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(KeelsonError);
  expect(outcome).toMatchObject({ reason });
}
