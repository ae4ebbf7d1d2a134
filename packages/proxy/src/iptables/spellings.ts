import { sameLines, type TableState } from './changes.ts';
import { TABLES, type RuleSet, type Table } from './rule-set.ts';

type State = Readonly<Record<Table, TableState>>;

interface Spelling {
  readonly ours: readonly string[];
  readonly theirs: readonly string[];
}

/**
 * How this node's iptables spells chains that it spells otherwise than we do. Versions differ in small things, and without this such a
 * chain would be taken for damaged, and be written anew, at each look.
 */
export class Spellings {
  readonly #known = new Map<string, Spelling>();

  /** Remembers what is shown of chains that were written just now, where it has as many rules but other words. */
  learn(saved: State, written: RuleSet): void {
    for (const table of TABLES) {
      for (const [chain, ours] of written[table].chains) {
        const theirs = saved[table].chains.get(chain);
        if (theirs && theirs.length === ours.length && !sameLines(theirs, ours)) {
          this.#known.set(`${table} ${chain}`, { ours, theirs });
        } else {
          this.#known.delete(`${table} ${chain}`);
        }
      }
    }
  }

  /** What is there, in our words. */
  translate(saved: State, desired: RuleSet): State {
    if (this.#known.size === 0) return saved;
    const inTable = (table: Table): TableState => {
      const chains = [...saved[table].chains].map(([chain, lines]): [string, readonly string[]] => {
        const spelling = this.#known.get(`${table} ${chain}`);
        const ours = desired[table].chains.get(chain);
        const isSame = spelling && ours && sameLines(spelling.theirs, lines) && sameLines(spelling.ours, ours);
        return [chain, isSame ? ours : lines];
      });
      return { ...saved[table], chains: new Map(chains) };
    };
    return { filter: inTable('filter'), nat: inTable('nat') };
  }
}
