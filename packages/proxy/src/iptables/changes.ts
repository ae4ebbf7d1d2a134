import { LAST_RULE_MARK, UNORDERED, type Table, type TableRules } from './rule-set.ts';

/** What is known to be in a table: our chains, and what leads to them. */
export interface TableState {
  readonly chains: ReadonlyMap<string, readonly string[]>;
  readonly jumps: ReadonlyMap<string, readonly string[]>;
}

/** The lines that `iptables-restore --noflush` needs to make a table what it should be. */
export interface TableChanges {
  readonly table: Table;
  /** Makes chains, and empties those that are there. */
  readonly declarations: readonly string[];
  readonly rules: readonly string[];
  /** Chains that go; they are empty by then. */
  readonly deletions: readonly string[];
}

export const NOTHING: TableRules = { chains: new Map(), jumps: [] };

/**
 * The difference between what is there and what should be: chains that are equal are not mentioned. Undefined if there is none.
 *
 * Example: `{ A: [1, 2], B: [3] }` to `{ A: [1, 4] }` is `:A :B -A A 1 -A A 4 -X B`.
 */
export function changesOf(table: Table, actual: TableState, desired: TableRules): TableChanges | undefined {
  const declarations: string[] = [];
  const rules: string[] = jumpChanges(actual.jumps, desired);
  const deletions = [...actual.chains.keys()].filter((chain) => !desired.chains.has(chain));
  declarations.push(...deletions);
  for (const [chain, lines] of desired.chains) {
    const have = actual.chains.get(chain);
    const edits = have && editsOf(chain, have, lines);
    if (edits) {
      rules.push(...edits);
    } else {
      declarations.push(chain);
      for (const line of lines) rules.push(`-A ${chain} ${line}`);
    }
  }
  // The nft variant keeps chains sorted: tens of thousands of them in another order take it four times as long.
  declarations.sort();
  return declarations.length + rules.length > 0 ? { table, declarations, rules, deletions } : undefined;
}

/** The input of `iptables-restore --noflush`. */
export function restoreText(changes: readonly TableChanges[], { deletions: withDeletions = true } = {}): string {
  return changes
    .flatMap(({ table, declarations, rules, deletions }) => [
      `*${table}`,
      ...declarations.map((chain) => `:${chain} - [0:0]`),
      ...rules,
      ...(withDeletions ? deletions.map((chain) => `-X ${chain}`) : []),
      'COMMIT\n',
    ])
    .join('\n');
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
