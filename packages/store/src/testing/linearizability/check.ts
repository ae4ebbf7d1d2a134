/** Something that a client did, from the moment in which it asked until it had the answer. */
export interface Operation<Input, Output> {
  readonly input: Input;
  /** Undefined if nobody knows what became of it: it takes effect at some time after its start, or never. */
  readonly output: Output | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
}

/** What operations do, one after the other. */
export interface Model<State, Input, Output> {
  readonly initial: State;
  /** The state after an operation; undefined if it cannot give that output in this state. Without an output: if it takes effect. */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** The same text for equal states only. */
  show(state: State): string;
}

export type Verdict<Input, Output> =
  | { readonly kind: 'linearizable' }
  /** No order explains the answers. At best `explained` operations were put in order; none of `stuck` could be the next. */
  | {
      readonly kind: 'violation';
      readonly explained: number;
      readonly state: string;
      readonly stuck: readonly Operation<Input, Output>[];
    }
  /** The search was given up after `maxSteps`. */
  | { readonly kind: 'undecided' };

/** The start of an operation, or its end; in a list by time from which those are taken that have their place. */
interface Mark<Input, Output> {
  readonly id: number;
  readonly operation: Operation<Input, Output>;
  /** That of a start, if the operation has ended. */
  readonly end: Mark<Input, Output> | undefined;
  readonly isStart: boolean;
  before: Mark<Input, Output> | undefined;
  after: Mark<Input, Output> | undefined;
}

interface Choice<State, Input, Output> {
  readonly mark: Mark<Input, Output>;
  readonly state: State;
}

const MAX_STEPS = 2_000_000;

/**
 * Whether there is an order of the operations, each at some moment between its start and its end, in which the model gives all the answers.
 *
 * It tries out: of the operations that have begun before the first end that is still open, one must be the next. It takes each in turn, goes on
 * from the state after it, and comes back when an operation would have to end that has found no place. Sets of operations that were tried with
 * the same state are not tried again (Wing and Gong's search, with Lowe's memory).
 *
 * Example: write 1 from 0 to 5, write 2 from 1 to 2, read 1 from 3 to 4. Write 1 first leaves the read without an explanation;
 * write 2, write 1, read 1 explains all.
 */
export function checkLinearizable<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  { maxSteps = MAX_STEPS }: { readonly maxSteps?: number } = {},
): Verdict<Input, Output> {
  const head = listOf(operations);
  const tried = new Set<string>();
  const placed = new Uint32Array(Math.ceil(operations.length / 32));
  const choices: Choice<State, Input, Output>[] = [];
  let best: Verdict<Input, Output> = { kind: 'violation', explained: -1, state: '', stuck: [] };
  let { initial: state } = model;
  let mark = head.after;
  // Operations that never ended need no place.
  for (let steps = 0; mark; steps += 1) {
    if (steps >= maxSteps) return { kind: 'undecided' };
    if (mark.isStart) {
      const next = model.step(state, mark.operation.input, mark.operation.output);
      if (next === undefined || !isNew(tried, placed, mark.id, model.show(next))) {
        mark = mark.after;
        continue;
      }
      choices.push({ mark, state });
      flip(placed, mark.id);
      state = next;
      remove(mark);
      mark = head.after;
      continue;
    }
    if (choices.length > best.explained) {
      best = { kind: 'violation', explained: choices.length, state: model.show(state), stuck: openBefore(head, mark) };
    }
    const last = choices.pop();
    if (!last) return best;
    ({ state } = last);
    flip(placed, last.mark.id);
    restore(last.mark);
    mark = last.mark.after;
  }
  return { kind: 'linearizable' };
}

function listOf<Input, Output>(operations: readonly Operation<Input, Output>[]): Mark<Input, Output> {
  const marks: { at: number; mark: Mark<Input, Output> }[] = [];
  for (const [id, operation] of operations.entries()) {
    const hasEnd = operation.output !== undefined;
    const end = hasEnd ? { id, operation, end: undefined, isStart: false, before: undefined, after: undefined } : undefined;
    marks.push({ at: operation.startedAt, mark: { id, operation, end, isStart: true, before: undefined, after: undefined } });
    if (end) marks.push({ at: operation.endedAt, mark: end });
  }
  // At the same moment, starts come first: then nothing is called a violation that may not be one.
  marks.sort((a, b) => a.at - b.at || Number(b.mark.isStart) - Number(a.mark.isStart));
  const [first] = operations;
  const operation = first ?? { input: undefined as Input, output: undefined, startedAt: 0, endedAt: 0 };
  const head: Mark<Input, Output> = { id: -1, operation, end: undefined, isStart: false, before: undefined, after: undefined };
  let last = head;
  for (const { mark } of marks) {
    last.after = mark;
    mark.before = last;
    last = mark;
  }
  return head;
}

function isNew(tried: Set<string>, placed: Uint32Array, id: number, state: string): boolean {
  flip(placed, id);
  const key = `${placed.join()} ${state}`;
  flip(placed, id);
  if (tried.has(key)) return false;
  tried.add(key);
  return true;
}

function flip(placed: Uint32Array, id: number): void {
  placed[id >>> 5] = (placed[id >>> 5] ?? 0) ^ (1 << (id & 31));
}

/** Takes a start and its end out of the list. */
function remove<Input, Output>(mark: Mark<Input, Output>): void {
  for (const each of [mark, mark.end]) {
    if (!each) continue;
    if (each.before) each.before.after = each.after;
    if (each.after) each.after.before = each.before;
  }
}

/** Undoes the `remove` that was the last. */
function restore<Input, Output>(mark: Mark<Input, Output>): void {
  for (const each of [mark.end, mark]) {
    if (!each) continue;
    if (each.before) each.before.after = each;
    if (each.after) each.after.before = each;
  }
}

function openBefore<Input, Output>(head: Mark<Input, Output>, end: Mark<Input, Output>): Operation<Input, Output>[] {
  const open: Operation<Input, Output>[] = [];
  for (let mark = head.after; mark && mark !== end; mark = mark.after) open.push(mark.operation);
  return open;
}
