import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLinearizable, type Operation } from './check.ts';
import {
  listModelOf,
  registerModel,
  type ListInput,
  type ListOutput,
  type RegisterInput,
  type RegisterOutput,
} from './models.ts';

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;
type ListOperation = Operation<ListInput, ListOutput>;

/** `op(0, 5, ...)`: from 0 to 5. */
const op = <I, O>(startedAt: number, endedAt: number, input: I, output: O | undefined): Operation<I, O> => ({
  input,
  output,
  startedAt,
  endedAt,
});
const read = (start: number, end: number, text: string, revision: number): RegisterOperation =>
  op<RegisterInput, RegisterOutput>(start, end, { type: 'read' }, { type: 'value', text, revision });
const readNothing = (start: number, end: number): RegisterOperation =>
  op<RegisterInput, RegisterOutput>(start, end, { type: 'read' }, { type: 'absent' });
const write = (start: number, end: number, text: string, revision: number | undefined): RegisterOperation =>
  op<RegisterInput, RegisterOutput>(
    start,
    end,
    { type: 'write', text },
    revision === undefined ? undefined : { type: 'written', revision },
  );
const swap = (start: number, end: number, expected: number, text: string, revision: number | 'conflict'): RegisterOperation =>
  op<RegisterInput, RegisterOutput>(
    start,
    end,
    { type: 'swap', expected, text },
    revision === 'conflict' ? { type: 'conflict' } : { type: 'written', revision },
  );
const remove = (start: number, end: number): RegisterOperation =>
  op<RegisterInput, RegisterOutput>(start, end, { type: 'delete' }, { type: 'written', revision: 99 });
const append = (start: number, end: number, item: string, known = true): ListOperation =>
  op<ListInput, ListOutput>(start, end, { type: 'append', item }, known ? true : undefined);
const list = (start: number, end: number, ...items: string[]): ListOperation =>
  op<ListInput, ListOutput>(start, end, { type: 'read' }, items);

describe('a register', () => {
  it.each<{ title: string; operations: readonly RegisterOperation[] }>([
    { title: 'nothing', operations: [] },
    { title: 'one after the other', operations: [readNothing(0, 1), write(2, 3, 'a', 2), read(4, 5, 'a', 2)] },
    { title: 'a write seen before it has ended', operations: [write(0, 9, 'a', 2), read(1, 2, 'a', 2)] },
    { title: 'a write not seen while it is under way', operations: [write(0, 9, 'a', 2), readNothing(1, 2), read(3, 4, 'a', 2)] },
    { title: 'the later start first', operations: [write(0, 5, 'a', 3), write(1, 2, 'b', 2), read(3, 4, 'a', 3)] },
    {
      title: 'a write of unknown outcome that is seen late',
      operations: [write(0, 1, 'a', undefined), readNothing(2, 3), read(4, 5, 'a', 2)],
    },
    {
      title: 'a write of unknown outcome that is never seen',
      operations: [write(0, 1, 'a', undefined), readNothing(2, 3), readNothing(4, 5)],
    },
    {
      title: 'a swap that lost',
      operations: [write(0, 1, 'a', 2), swap(2, 9, 2, 'b', 'conflict'), swap(3, 8, 2, 'c', 3), read(10, 11, 'c', 3)],
    },
    {
      title: 'a key made again',
      operations: [write(0, 1, 'a', 2), remove(2, 3), readNothing(4, 5), swap(6, 7, 0, 'b', 4), read(8, 9, 'b', 4)],
    },
  ])('explains $title', ({ operations }) => {
    expect(checkLinearizable(operations, registerModel)).toEqual({ kind: 'linearizable' });
  });

  it.each<{ title: string; operations: readonly RegisterOperation[] }>([
    { title: 'an acknowledged write that is not seen', operations: [write(0, 1, 'a', 2), readNothing(2, 3)] },
    { title: 'a value that nobody has written', operations: [write(0, 1, 'a', 2), read(2, 3, 'b', 2)] },
    {
      title: 'an old value after a new one',
      operations: [write(0, 1, 'a', 2), write(2, 9, 'b', 3), read(3, 4, 'b', 3), read(5, 6, 'a', 2)],
    },
    { title: 'a revision that goes back', operations: [write(0, 1, 'a', 3), write(2, 3, 'b', 2)] },
    { title: 'a value under another revision', operations: [write(0, 1, 'a', 2), read(2, 3, 'a', 3)] },
    { title: 'two swaps of the same revision', operations: [write(0, 1, 'a', 2), swap(2, 9, 2, 'b', 3), swap(3, 8, 2, 'c', 4)] },
    { title: 'a conflict without a rival', operations: [write(0, 1, 'a', 2), swap(2, 3, 2, 'b', 'conflict')] },
    { title: 'a swap of what is not there', operations: [swap(0, 1, 7, 'a', 8)] },
    { title: 'a deleted value', operations: [write(0, 1, 'a', 2), remove(2, 3), read(4, 5, 'a', 2)] },
    { title: 'a write seen, then gone', operations: [write(0, 1, 'a', undefined), read(2, 3, 'a', 2), readNothing(4, 5)] },
    { title: 'a write of unknown outcome seen before it began', operations: [read(0, 1, 'a', 2), write(2, 3, 'a', undefined)] },
  ])('does not explain $title', ({ operations }) => {
    expect(checkLinearizable(operations, registerModel)).toMatchObject({ kind: 'violation' });
  });

  it('says how far it came', () => {
    const stale = read(4, 5, 'a', 2);
    const verdict = checkLinearizable([write(0, 1, 'a', 2), write(2, 3, 'b', 3), stale], registerModel);

    expect(verdict).toEqual({ kind: 'violation', explained: 2, state: 'b @3', stuck: [stale] });
  });

  it('gives up after so many steps', () => {
    const writes = Array.from({ length: 12 }, (_, i) => write(0, 100, `${i}`, undefined));

    expect(checkLinearizable([...writes, read(101, 102, 'none', 7)], registerModel, { maxSteps: 1000 })).toEqual({
      kind: 'undecided',
    });
  });
});

describe('a list', () => {
  it.each<{ title: string; operations: readonly ListOperation[] }>([
    { title: 'items in the order in which they came', operations: [append(0, 1, 'a'), append(2, 3, 'b'), list(4, 5, 'a', 'b')] },
    {
      title: 'items that came together, in either order',
      operations: [append(0, 3, 'a'), append(1, 2, 'b'), list(4, 5, 'b', 'a')],
    },
    {
      title: 'an item of unknown outcome that came late',
      operations: [append(0, 1, 'a', false), list(2, 3), append(4, 5, 'b'), list(6, 7, 'b', 'a')],
    },
  ])('explains $title', ({ operations }) => {
    expect(checkLinearizable(operations, listModelOf(operations))).toEqual({ kind: 'linearizable' });
  });

  it.each<{ title: string; operations: readonly ListOperation[] }>([
    { title: 'a lost item', operations: [append(0, 1, 'a'), append(2, 3, 'b'), list(4, 5, 'b')] },
    { title: 'an item twice', operations: [append(0, 1, 'a'), list(2, 3, 'a', 'a')] },
    { title: 'an order that cannot be', operations: [append(0, 1, 'a'), append(2, 3, 'b'), list(4, 5, 'b', 'a')] },
    {
      title: 'an item that came before the others and is not among them',
      operations: [append(0, 1, 'a'), append(2, 3, 'b'), append(2, 3, 'c'), list(4, 5, 'b', 'c')],
    },
    { title: 'two orders', operations: [append(0, 3, 'a'), append(1, 2, 'b'), list(4, 5, 'a', 'b'), list(4, 5, 'b', 'a')] },
  ])('does not explain $title', ({ operations }) => {
    expect(checkLinearizable(operations, listModelOf(operations))).toMatchObject({ kind: 'violation' });
  });

  it('takes few steps for many items that came at the same time, some of which nobody has heard of', () => {
    const items = Array.from({ length: 40 }, (_, i) => `${i}`);
    const lost = ['x', 'y', 'z'].map((item) => append(0, 1, item, false));
    const operations = [...lost, ...items.map((item) => append(0, 100, item)), list(101, 102, ...items.toReversed())];

    expect(checkLinearizable(operations, listModelOf(operations), { maxSteps: 10_000 })).toEqual({ kind: 'linearizable' });
  });
});

describe('random histories', () => {
  /** Steps of a real register, each of which takes effect at its place in the row, from somewhat before to somewhat after. */
  const history = fc.array(
    fc.record({
      kind: fc.constantFrom('read', 'write', 'swap', 'stale swap', 'delete'),
      before: fc.integer({ min: 0, max: 8 }),
      after: fc.integer({ min: 1, max: 8 }),
      heard: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    }),
    { maxLength: 40 },
  );
  type Steps = typeof history extends fc.Arbitrary<infer T> ? T : never;

  function execute(steps: Steps): RegisterOperation[] {
    let text: string | undefined;
    let revision = 0;
    let next = 2;
    return steps.map(({ kind, before, after, heard }, i) => {
      const [start, end] = [10 * i - 10 * before, 10 * i + 10 * after];
      const written = (value: string | undefined): RegisterOutput => {
        text = value;
        revision = value === undefined ? 0 : next;
        return { type: 'written', revision: next++ };
      };
      switch (kind) {
        case 'read':
          return text === undefined ? readNothing(start, end) : read(start, end, text, revision);
        case 'delete':
          return op<RegisterInput, RegisterOutput>(start, end, { type: 'delete' }, written(undefined));
        case 'stale swap':
          return swap(start, end, revision + 1000, `${i}`, 'conflict');
        default: {
          const input: RegisterInput =
            kind === 'write' ? { type: 'write', text: `${i}` } : { type: 'swap', expected: revision, text: `${i}` };
          const output = written(`${i}`);
          return op<RegisterInput, RegisterOutput>(start, end, input, heard ? output : undefined);
        }
      }
    });
  }

  it('that did happen are explained', () => {
    fc.assert(
      fc.property(history, (steps) => {
        expect(checkLinearizable(execute(steps), registerModel)).toEqual({ kind: 'linearizable' });
      }),
      { numRuns: 300 },
    );
  });

  it('that would lose a write are not', () => {
    fc.assert(
      fc.property(history, (steps) => {
        const operations = execute(steps);
        const end = 10 * steps.length + 100;
        // All ends, one more write is acknowledged, and is not there.
        operations.push(write(end, end + 1, 'last', 10_000), readNothing(end + 2, end + 3));
        expect(checkLinearizable(operations, registerModel)).toMatchObject({ kind: 'violation' });
      }),
      { numRuns: 100 },
    );
  });
});
