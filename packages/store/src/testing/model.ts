import type { Key, Revision } from '../store.ts';

/** A key's value in the model. */
interface Cell {
  readonly text: string;
  readonly revision: Revision;
  readonly createRevision: Revision;
}

type State = ReadonlyMap<Key, Cell>;

export type ModelWrite =
  | { readonly type: 'put'; readonly key: Key; readonly text: string }
  | { readonly type: 'delete'; readonly key: Key };

/** A store as simple as can be: it keeps a copy of everything for each revision. */
export class ModelStore {
  /** `#states[r]` is the state right after commit `r`. */
  readonly #states: State[] = [new Map(), new Map()];
  readonly #events: string[][][] = [];

  get revision(): Revision {
    return this.#states.length - 1;
  }

  revisionOf(key: Key): Revision {
    return this.#state(this.revision).get(key)?.revision ?? 0;
  }

  commit(writes: readonly ModelWrite[]): Revision {
    const before = this.#state(this.revision);
    const after = new Map(before);
    const revision = this.revision + 1;
    const events: string[][] = [];
    for (const write of writes) {
      const previous = before.get(write.key);
      const was = previous ? ` was ${showCell(write.key, previous)}` : '';
      if (write.type === 'put') {
        const cell = { text: write.text, revision, createRevision: previous?.createRevision ?? revision };
        after.set(write.key, cell);
        events.push([write.key, `put ${showCell(write.key, cell)}${was}`]);
      } else if (previous) {
        after.delete(write.key);
        events.push([write.key, `delete ${write.key} @${revision}${was}`]);
      }
    }
    if (events.length === 0) return this.revision;
    this.#states.push(after);
    this.#events[revision] = events;
    return revision;
  }

  range(prefix: Key, at: Revision): string[] {
    const keys = [...this.#state(at).keys()].filter((key) => key.startsWith(prefix));
    keys.sort((a, b) => Buffer.from(a).compare(Buffer.from(b)));
    return keys.map((key) => this.get(key, at) ?? '');
  }

  get(key: Key, at: Revision): string | undefined {
    const cell = this.#state(at).get(key);
    return cell && showCell(key, cell);
  }

  /** The events of each commit after `after` that touches `prefix`. */
  watch(prefix: Key, after: Revision): string[][] {
    const commits = this.#events.slice(after + 1).map((events) => events.filter(([key]) => key?.startsWith(prefix)));
    return commits.filter((events) => events.length > 0).map((events) => events.map(([, text]) => text ?? ''));
  }

  #state(revision: Revision): State {
    return this.#states[revision] ?? new Map();
  }
}

function showCell(key: Key, { text, revision, createRevision }: Cell): string {
  return `${key}=${text} @${revision} ^${createRevision}`;
}
