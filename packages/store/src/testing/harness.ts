import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeelsonError, type StatusReason } from '@keelson/base';
import type { Subscription } from 'rxjs';
import { afterEach, expect } from 'vitest';
import type { StoreOptions } from '../options.ts';
import type { Entry, Key, Revision, Store, StoreEvent, Write } from '../store.ts';

export interface OpenOptions extends StoreOptions {
  /** An empty directory of the test's own. Opening it again must find what a durable store had in it. */
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

/** Opens stores and watches for one test after the other, and ends them. */
export class Harness {
  readonly #open: OpenStore;
  readonly #stores = new Set<Store>();
  readonly #subscriptions = new Set<Subscription>();
  readonly #places: string[] = [];

  constructor(open: OpenStore) {
    this.#open = open;
    afterEach(() => this.#end());
  }

  async place(): Promise<string> {
    const place = await mkdtemp(join(tmpdir(), 'keelson-store-'));
    this.#places.push(place);
    return place;
  }

  async open(options: Partial<OpenOptions> = {}): Promise<Store> {
    const place = options.place ?? (await this.place());
    const store = await this.#open({ ...options, place });
    this.#stores.add(store);
    return store;
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

/** Waits for something that is under way; fails with what `describe` gives after ten seconds. */
export async function until(condition: () => boolean | Promise<boolean>, describe: () => unknown = () => ''): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`Waited in vain: ${String(condition)} ${JSON.stringify(describe())}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export async function expectReason(promise: Promise<unknown>, reason: StatusReason): Promise<void> {
  const outcome = await promise.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(KeelsonError);
  expect(outcome).toMatchObject({ reason });
}
