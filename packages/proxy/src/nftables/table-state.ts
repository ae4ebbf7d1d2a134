import type { IpFamily, ServicePort } from '../service-map.ts';
import type { Change } from '../snapshot-map.ts';
import { Claims, type Element } from './claims.ts';
import { piecesOf, type ServicePieces } from './service-pieces.ts';
import { chainStatements, declaration, elementStatements } from './statements.ts';
import { chainsOf, countedChain, setsOf, wordsOf, type Chain, type LayoutOptions } from './table-layout.ts';

const NONE: ServicePieces = { elements: [], chains: new Map(), sets: new Map() };

/** Names that are in the table. */
export interface TableNames {
  readonly chains: ReadonlySet<string>;
  readonly sets: ReadonlySet<string>;
}

/** What the table should hold, and the words for nft that make it so: for all of it, or for what has changed. */
export class TableState {
  readonly #options: LayoutOptions;
  readonly #family: IpFamily;
  readonly #table: string;
  readonly #claims = new Claims();
  readonly #pieces = new Map<string, ServicePieces>();
  readonly #counted = new Set<string>();

  constructor(options: LayoutOptions) {
    this.#options = options;
    this.#family = options.family;
    this.#table = wordsOf(options.family).table;
  }

  /** Elements of all sets. */
  get size(): number {
    return this.#claims.size;
  }

  /** Takes over the changes. Returns the statements for them, of one transaction; empty if there is nothing to do. */
  change(changes: ReadonlyMap<string, Change<ServicePort>>): string {
    const pairs = [...changes].map(([key, { after }]) => this.#replace(key, after && piecesOf(after, this.#family)));
    const { removed, added } = this.#claims.takeChanges();
    const lines = [
      ...pairs.flatMap(([before, after]) => fresh(after.sets, before.sets).map(([, text]) => declaration(this.#table, text))),
      ...this.#newCounted(added).flatMap((name) => this.#writeChain(name, countedChain(name, this.#family))),
      ...pairs.flatMap(([before, after]) => this.#changedChains(before, after)),
      ...elementStatements(this.#table, 'delete', removed),
      ...elementStatements(this.#table, 'add', added),
      ...pairs.flatMap(([before, after]) => this.#deletions({ chains: before.chains, sets: before.sets }, after)),
    ];
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  /**
   * The statements that make the whole table as it should be, whatever it was, in one transaction. `present` is what it may hold of earlier
   * lives. Clients that are remembered stay so.
   */
  rewrite(present: TableNames): string {
    const own = [...this.#pieces.values()];
    const chains = new Map<string, Chain>([
      ...chainsOf(this.#options),
      ...[...this.#counted].flatMap((name): [string, Chain][] => {
        const chain = countedChain(name, this.#family);
        return chain ? [[name, chain]] : [];
      }),
      ...own.flatMap((pieces) => [...pieces.chains]),
    ]);
    const fixed = setsOf(this.#family);
    const sets = new Map<string, string>([...fixed, ...own.flatMap((pieces) => [...pieces.sets])]);
    return `${[
      `add table ${this.#table}`,
      ...[...sets.values()].map((text) => declaration(this.#table, text)),
      ...[...fixed].map(([name, text]) => `flush ${text.startsWith('map') ? 'map' : 'set'} ${this.#table} ${name}`),
      ...chainStatements(this.#table, chains),
      ...elementStatements(this.#table, 'add', this.#claims.elements()),
      ...this.#deletions(present, { chains, sets }),
    ].join('\n')}\n`;
  }

  #replace(key: string, pieces: ServicePieces | undefined): readonly [ServicePieces, ServicePieces] {
    const before = this.#pieces.get(key) ?? NONE;
    this.#claims.release(key, before.elements);
    if (pieces) this.#pieces.set(key, pieces);
    else this.#pieces.delete(key);
    this.#claims.claim(key, pieces?.elements ?? []);
    return [before, pieces ?? NONE];
  }

  /** Chains that choose among a number of endpoints which no service had before. They stay, being few. */
  #newCounted(added: readonly Element[]): string[] {
    const names = new Set(added.flatMap(({ value }) => (value?.startsWith('goto ') ? [value.slice('goto '.length)] : [])));
    const unknown = [...names].filter((name) => !this.#counted.has(name) && countedChain(name, this.#family));
    for (const name of unknown) this.#counted.add(name);
    return unknown;
  }

  #changedChains(before: ServicePieces, after: ServicePieces): string[] {
    return [...after.chains]
      .filter(([name, { rules }]) => before.chains.get(name)?.rules.join('\n') !== rules.join('\n'))
      .flatMap(([name, chain]) => this.#writeChain(name, chain));
  }

  #writeChain(name: string, chain: Chain | undefined): string[] {
    const rules = chain?.rules ?? [];
    const at = `${this.#table} ${name}`;
    return [`add chain ${at}`, `flush chain ${at}`, ...rules.map((rule) => `add rule ${at} ${rule}`)];
  }

  /** Chains are emptied before any is deleted, since one may lead to the other, and to sets. */
  #deletions(before: { readonly chains: Names; readonly sets: Names }, after: { readonly chains: Names; readonly sets: Names }) {
    const chains = [...before.chains.keys()].filter((name) => !after.chains.has(name));
    const sets = [...before.sets.keys()].filter((name) => !after.sets.has(name));
    return [
      ...chains.map((name) => `flush chain ${this.#table} ${name}`),
      ...chains.map((name) => `delete chain ${this.#table} ${name}`),
      ...sets.map((name) => `delete set ${this.#table} ${name}`),
    ];
  }
}

interface Names {
  has(name: string): boolean;
  keys(): Iterable<string>;
}

function fresh(after: ReadonlyMap<string, string>, before: ReadonlyMap<string, string>): [string, string][] {
  return [...after].filter(([name]) => !before.has(name));
}
