import { LAST_RULE_MARK, UNORDERED, type Chains, type Table, type TableRules } from './rule-set.ts';

/** What is known to be in a table: our chains, and what leads to them. */
export interface TableState {
  readonly chains: Chains;
  readonly jumps: ReadonlyMap<string, readonly string[]>;
}

/** What has to be done to a table. */
export interface TableChanges {
  readonly table: Table;
  /** Chains that are new or whose rules are all written anew. */
  readonly written: Chains;
  /** Those of them that are new. */
  readonly fresh: ReadonlySet<string>;
  /** Single rules to add and remove, as lines. */
  readonly edits: readonly string[];
  /** Chains that go. */
  readonly deleted: readonly string[];
}

export const NOTHING: TableRules = { chains: new Map(), jumps: [] };

/**
 * The difference between what is there and what should be: chains that are equal are not mentioned. Undefined if there is none.
 *
 * Example: `{ A: [1, 2], B: [3] }` to `{ A: [1, 4] }` is to write `A: [1, 4]` and to delete `B`.
 */
export function changesOf(table: Table, actual: TableState, desired: TableRules): TableChanges | undefined {
  const written = new Map<string, readonly string[]>();
  const fresh = new Set<string>();
  const edits = jumpChanges(actual.jumps, desired);
  const deleted = [...actual.chains.keys()].filter((chain) => !desired.chains.has(chain));
  for (const [chain, lines] of desired.chains) {
    const have = actual.chains.get(chain);
    const few = have && editsOf(chain, have, lines);
    if (few) edits.push(...few);
    else written.set(chain, lines);
    if (!have) fresh.add(chain);
  }
  return written.size + edits.length + deleted.length > 0 ? { table, written, fresh, edits, deleted } : undefined;
}

export function sameLines(left: readonly string[], right: readonly string[]): boolean {
  return left === right || (left.length === right.length && left.every((line, index) => line === right[index]));
}

/** Single rules to add and remove; none if the chain is right; undefined if it has to be written anew. */
function editsOf(chain: string, have: readonly string[], want: readonly string[]): readonly string[] | undefined {
  if (sameLines(have, want)) return [];
  if (!UNORDERED.has(chain)) return undefined;
  const isLast = (line: string): boolean => line.includes(LAST_RULE_MARK);
  const last = want.filter(isLast);
  if (!sameLines(last, last.length > 0 ? have.slice(-last.length) : have.filter(isLast))) return undefined;
  const gone = without(have, want);
  const missing = without(want, have);
  if (gone.length + missing.length > want.length / 2) return undefined;
  return [...gone.map((line) => `-D ${chain} ${line}`), ...missing.map((line) => `-I ${chain} ${line}`)];
}

/** The lines of `left` that are not in `right`, each as often as it is there too often. */
function without(left: readonly string[], right: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of right) counts.set(line, (counts.get(line) ?? 0) + 1);
  return left.filter((line) => {
    const count = counts.get(line) ?? 0;
    if (count > 0) counts.set(line, count - 1);
    return count === 0;
  });
}

function jumpChanges(actual: TableState['jumps'], desired: TableRules): string[] {
  const wanted = Map.groupBy(desired.jumps, (jump) => jump.from);
  return [...new Set([...actual.keys(), ...wanted.keys()])].flatMap((from) => {
    const have = actual.get(from) ?? [];
    const want = (wanted.get(from) ?? []).map((jump) => jump.rule);
    const missing = without(want, have);
    // Each goes to the head, so the last one written comes first.
    return [...without(have, want).map((rule) => `-D ${from} ${rule}`), ...missing.reverse().map((rule) => `-I ${from} ${rule}`)];
  });
}

/** What a table holds once it is as desired. */
export function stateOf(desired: TableRules): TableState {
  const jumps = Map.groupBy(desired.jumps, (jump) => jump.from);
  return { chains: desired.chains, jumps: new Map([...jumps].map(([from, list]) => [from, list.map((jump) => jump.rule)])) };
}
