import { eventually } from '@keelson/base/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Key, Store, Write } from '../store.ts';
import { expectReason, put, show, showCommits, type Harness, type Recording } from './harness.ts';
import { ModelStore, type ModelWrite } from './model.ts';

const KEYS: readonly Key[] = ['/a', '/a/', '/a/b', '/a/b/c', '/a/bc', '/b', '/é', '/\ufffd', '/\u{1f600}', '\u0001', '/a\u0001'];
const PREFIXES: readonly Key[] = ['', '/', '/a', '/a/', '/a/b', '/b', '/\u{1f600}', '/none'];

type Step =
  | {
      readonly kind: 'commit';
      readonly writes: readonly ModelWrite[];
      readonly guards: readonly { readonly key: Key; readonly stale: boolean }[];
    }
  | { readonly kind: 'compact' | 'read'; readonly share: number }
  | { readonly kind: 'watch'; readonly prefix: Key; readonly share: number };

const key = fc.constantFrom(...KEYS);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const write: fc.Arbitrary<ModelWrite> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant('put' as const), key, text: fc.string({ maxLength: 5 }) }) },
  fc.record({ type: fc.constant('delete' as const), key }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      writes: fc.uniqueArray(write, { maxLength: 4, selector: (each) => each.key }),
      guards: fc.array(fc.record({ key, stale: fc.integer({ min: 0, max: 9 }).map((n) => n === 0) }), { maxLength: 2 }),
    }),
  },
  fc.record({ kind: fc.constantFrom('compact' as const, 'read' as const), share }),
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('watch' as const), prefix: fc.constantFrom(...PREFIXES), share }) },
);

/** A store and the model that it must be equal to. */
class Comparison {
  readonly #harness: Harness;
  readonly #store: Store;
  readonly #model = new ModelStore();
  readonly #watches: { readonly recording: Recording; readonly expected: () => string[][] }[] = [];
  #compacted = 0;

  constructor(harness: Harness, store: Store) {
    this.#harness = harness;
    this.#store = store;
  }

  async run(next: Step): Promise<void> {
    switch (next.kind) {
      case 'commit':
        return this.#commit(next);
      case 'compact':
        this.#compacted = Math.max(this.#compacted, this.#revisionAt(next.share));
        return this.#store.compact(this.#compacted);
      case 'read':
        return this.#read(this.#revisionAt(next.share));
      case 'watch':
        this.#watch(next.prefix, this.#revisionAt(next.share));
    }
  }

  async finish(): Promise<void> {
    for (let at = this.#compacted; at <= this.#model.revision; at++) await this.#read(at);
    if (this.#compacted > 0) await expectReason(this.#store.range('', { at: this.#compacted - 1 }), 'Expired');
    for (const { recording, expected } of this.#watches) {
      await eventually(() => recording.error !== undefined || recording.commits.length >= expected().length);
      // A watch that was still replaying when its place was compacted may end so.
      if (recording.error !== undefined) expect(recording.error).toMatchObject({ reason: 'Expired' });
      else expect(showCommits(recording.commits)).toEqual(expected());
    }
  }

  async #commit({ writes, guards }: Extract<Step, { kind: 'commit' }>): Promise<void> {
    const asked = guards.map((guard) => ({
      key: guard.key,
      revision: this.#model.revisionOf(guard.key) + (guard.stale ? 1 : 0),
    }));
    const committed = this.#store.commit(writes.map(toWrite), asked);
    if (guards.some(({ stale }) => stale)) return expectReason(committed, 'Conflict');
    expect(await committed).toBe(this.#model.commit(writes));
  }

  async #read(at: number): Promise<void> {
    for (const prefix of PREFIXES) {
      const expected = this.#model.range(prefix, at);
      const { entries } = await this.#store.range(prefix, { at });
      expect(entries.map(show)).toEqual(expected);
      const page = await this.#store.range(prefix, { at, limit: 2 });
      expect([page.entries.map(show), page.remaining]).toEqual([expected.slice(0, 2), Math.max(0, expected.length - 2)]);
      if (!page.more) continue;
      const next = await this.#store.range(prefix, { at, limit: 1, after: page.entries.at(-1)?.key ?? '' });
      expect([next.entries.map(show), next.remaining]).toEqual([expected.slice(2, 3), expected.length - 3]);
    }
    for (const each of KEYS) expect(show(await this.#store.get(each, at))).toBe(this.#model.get(each, at));
  }

  #watch(prefix: Key, after: number): void {
    const recording = this.#harness.record(this.#store, prefix, after);
    this.#watches.push({ recording, expected: () => this.#model.watch(prefix, after) });
  }

  #revisionAt(part: number): number {
    return this.#compacted + Math.round(part * (this.#model.revision - this.#compacted));
  }
}

function toWrite(each: ModelWrite): Write {
  return each.type === 'put' ? put(each.key, each.text) : each;
}

/** Random histories, against a model. */
export function describeRandomHistories(harness: Harness): void {
  describe('random histories', () => {
    it('are those of a simple model', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
          const store = await harness.open({ historyMs: Infinity });
          const comparison = new Comparison(harness, store);
          for (const next of steps) await comparison.run(next);
          await comparison.finish();
          await harness.close(store);
        }),
        { numRuns: 40 },
      );
    }, 600_000);
  });
}
