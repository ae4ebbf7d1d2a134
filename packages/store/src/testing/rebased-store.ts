import { map, type Observable } from 'rxjs';
import type { Entry, Guard, Key, RangeOptions, RangeResult, Revision, Store, StoreEvent, Write } from '../store.ts';

const NOTHING = { entries: [], more: false, remaining: 0 };

/** A store of a server that others have used before, as if its revision `base` were the 1 of a new one. */
export class RebasedStore implements Store {
  readonly #store: Store;
  readonly #offset: number;

  constructor(store: Store, base: Revision) {
    this.#store = store;
    this.#offset = base - 1;
  }

  get progress$(): Observable<Revision> {
    return this.#store.progress$.pipe(map((revision) => revision - this.#offset));
  }

  async revision(): Promise<Revision> {
    return (await this.#store.revision()) - this.#offset;
  }

  async get(key: Key, at?: Revision): Promise<Entry | undefined> {
    const entry = await this.#store.get(key, at === undefined ? undefined : this.#real(at));
    // It is from before.
    return entry && at !== 0 ? this.#entry(entry) : undefined;
  }

  async range(prefix: Key, { at, ...options }: RangeOptions = {}): Promise<RangeResult> {
    const result = await this.#store.range(prefix, at === undefined ? options : { ...options, at: this.#real(at) });
    return {
      ...result,
      revision: result.revision - this.#offset,
      ...(at === 0 ? NOTHING : { entries: result.entries.map((entry) => this.#entry(entry)) }),
    };
  }

  async commit(writes: readonly Write[], guards: readonly Guard[] = []): Promise<Revision> {
    const real = guards.map(({ key, revision }) => ({ key, revision: revision === 0 ? 0 : this.#real(revision) }));
    return (await this.#store.commit(writes, real)) - this.#offset;
  }

  watch(prefix: Key, after: Revision): Observable<readonly StoreEvent[]> {
    // What was before the first revision is of no interest.
    const events$ = this.#store.watch(prefix, this.#real(Math.max(1, after)));
    return events$.pipe(map((events) => events.map((event) => this.#event(event))));
  }

  compact(upTo: Revision): Promise<void> {
    return this.#store.compact(this.#real(upTo));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** What is no revision stays none. */
  #real(revision: Revision): Revision {
    return revision < 0 ? revision : revision + this.#offset;
  }

  #entry(entry: Entry): Entry {
    return { ...entry, revision: entry.revision - this.#offset, createRevision: entry.createRevision - this.#offset };
  }

  #event(event: StoreEvent): StoreEvent {
    const previous = event.previous && this.#entry(event.previous);
    if (event.type === 'put') return { type: 'put', entry: this.#entry(event.entry), ...(previous && { previous }) };
    return { ...event, revision: event.revision - this.#offset, previous: this.#entry(event.previous) };
  }
}
