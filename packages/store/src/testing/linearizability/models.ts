import type { Revision } from '../../store.ts';
import type { Model, Operation } from './check.ts';

export type RegisterInput =
  | { readonly type: 'read' }
  | { readonly type: 'delete' }
  | { readonly type: 'write'; readonly text: string }
  /** Writes if the key was last written by that commit; 0: if it is not there. */
  | { readonly type: 'swap'; readonly expected: Revision; readonly text: string };

export type RegisterOutput =
  | { readonly type: 'value'; readonly text: string; readonly revision: Revision }
  | { readonly type: 'absent' }
  | { readonly type: 'written'; readonly revision: Revision }
  | { readonly type: 'conflict' };

/** What is under a key. `undefined` as a revision: that of a write of which nobody has heard. */
export interface RegisterState {
  readonly text: string | undefined;
  readonly revision: Revision | undefined;
}

/** One key of a store: reads, writes and guarded writes, with revisions that grow. */
export const registerModel: Model<RegisterState, RegisterInput, RegisterOutput> = {
  initial: { text: undefined, revision: 0 },
  show: ({ text, revision }) => `${text} @${revision}`,
  step(state, input, output) {
    switch (input.type) {
      case 'read':
        return readRegister(state, output);
      case 'delete':
        // A deletion of what is not there is none; its revision may be that of any commit.
        return output === undefined || output.type === 'written' ? { text: undefined, revision: 0 } : undefined;
      case 'write':
        return write(state, input.text, output);
      case 'swap':
        if (output?.type === 'conflict') return state.revision === input.expected ? undefined : state;
        // One with an unknown revision may be the one that is expected.
        return state.revision === input.expected || (state.revision === undefined && input.expected > 0)
          ? write(state, input.text, output)
          : undefined;
    }
  },
};

function readRegister(state: RegisterState, output: RegisterOutput | undefined): RegisterState | undefined {
  if (output?.type === 'absent') return state.text === undefined ? state : undefined;
  if (output?.type !== 'value' || output.text !== state.text) return undefined;
  if (state.revision === undefined) return { text: state.text, revision: output.revision };
  return state.revision === output.revision ? state : undefined;
}

function write(state: RegisterState, text: string, output: RegisterOutput | undefined): RegisterState | undefined {
  if (output === undefined) return { text, revision: undefined };
  if (output.type !== 'written' || output.revision <= (state.revision ?? 0)) return undefined;
  return { text, revision: output.revision };
}

export type ListInput = { readonly type: 'read' } | { readonly type: 'append'; readonly item: string };
/** What the list was when it was read, or `true` for an item that was added. */
export type ListOutput = readonly string[] | true;

/**
 * A list to which items are added at the end.
 *
 * The longest list that was read says in which order its items came, and that no other came before them: so a search need not try other
 * orders, which are very many where clients add items at the same time and nobody reads for a while.
 */
export function listModelOf(
  operations: readonly Operation<ListInput, ListOutput>[],
): Model<readonly string[], ListInput, ListOutput> {
  const longest = operations.reduce<readonly string[]>(
    (found, { output }) => (isItems(output) && output.length > found.length ? output : found),
    [],
  );
  return {
    initial: [],
    show: (state) => state.join(),
    step(state, input, output) {
      if (input.type === 'read') return isItems(output) && output.join() === state.join() ? state : undefined;
      const isNext = state.length >= longest.length || longest[state.length] === input.item;
      return isNext ? [...state, input.item] : undefined;
    },
  };
}

function isItems(output: ListOutput | undefined): output is readonly string[] {
  return Array.isArray(output);
}
