import type { Chain, NamedSet, Ruleset } from './ruleset.ts';

/** Whose name nobody else has. */
export const TABLE = 'inet keelson-policy';
/** So many elements in one statement. */
const CHUNK = 5_000;

/** What makes the table anew, whatever is there, in one transaction. */
export function fullStatements({ chains, sets }: Ruleset): string {
  return lines([
    ...removal(),
    `add table ${TABLE}`,
    ...[...sets].map(([name, set]) => declaration(name, set)),
    ...[...chains].map(([name, chain]) => addition(name, chain)),
    ...[...chains].flatMap(([name, chain]) => rules(name, chain)),
    ...[...sets].flatMap(([name, { elements }]) => elementStatements('add', name, elements)),
  ]);
}

/** What removes the table, whether it is there or not. */
export function removalStatements(): string {
  return lines(removal());
}

/** What makes the table that was made from `before` equal to `after`, in one transaction; empty if nothing has changed. */
export function changeStatements(before: Ruleset, after: Ruleset): string {
  const newSets = [...after.sets].filter(([name]) => !before.sets.has(name));
  const oldSets = [...before.sets.keys()].filter((name) => !after.sets.has(name));
  const newChains = [...after.chains].filter(([name]) => !before.chains.has(name));
  const oldChains = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  const changed = [...after.chains].filter(([name, chain]) => !sameRules(before.chains.get(name), chain));
  const elements = [...after.sets].map(([name, set]) => [name, elementChanges(before.sets.get(name), set)] as const);
  return lines([
    ...newSets.map(([name, set]) => declaration(name, set)),
    ...newChains.map(([name, chain]) => addition(name, chain)),
    ...changed.map(([name]) => `flush chain ${TABLE} ${name}`),
    ...changed.flatMap(([name, chain]) => rules(name, chain)),
    ...elements.flatMap(([name, { gone }]) => elementStatements('delete', name, gone)),
    ...elements.flatMap(([name, { added }]) => elementStatements('add', name, added)),
    // Nothing leads to them any more. They may lead to each other.
    ...oldChains.map((name) => `flush chain ${TABLE} ${name}`),
    ...oldChains.map((name) => `delete chain ${TABLE} ${name}`),
    ...oldSets.map((name) => `delete set ${TABLE} ${name}`),
  ]);
}

function removal(): readonly string[] {
  // Deleting what is not there would be an error.
  return [`add table ${TABLE}`, `delete table ${TABLE}`];
}

function declaration(name: string, { kind, type }: NamedSet): string {
  return `add ${kind} ${TABLE} ${name} { type ${type}; }`;
}

function addition(name: string, { hook }: Chain): string {
  return `add chain ${TABLE} ${name}${hook === undefined ? '' : ` { ${hook} }`}`;
}

function rules(name: string, chain: Chain): readonly string[] {
  return chain.rules.map((rule) => `add rule ${TABLE} ${name} ${rule}`);
}

function sameRules(one: Chain | undefined, other: Chain): boolean {
  return one?.rules.length === other.rules.length && one.rules.every((rule, index) => rule === other.rules[index]);
}

type Elements = ReadonlyMap<string, string>;

/** An element with another value goes and comes. */
function elementChanges(before: NamedSet | undefined, after: NamedSet): { readonly gone: Elements; readonly added: Elements } {
  const old: Elements = before?.elements ?? new Map<string, string>();
  const isIn = (elements: Elements, [key, value]: readonly [string, string]): boolean => elements.get(key) === value;
  return {
    gone: new Map([...old].filter((element) => !isIn(after.elements, element))),
    added: new Map([...after.elements].filter((element) => !isIn(old, element))),
  };
}

function elementStatements(verb: 'add' | 'delete', name: string, elements: Elements): readonly string[] {
  const texts = [...elements].map(([key, value]) => (value !== '' && verb === 'add' ? `${key} : ${value}` : key));
  const statements: string[] = [];
  for (let start = 0; start < texts.length; start += CHUNK) {
    statements.push(`${verb} element ${TABLE} ${name} { ${texts.slice(start, start + CHUNK).join(', ')} }`);
  }
  return statements;
}

function lines(statements: readonly string[]): string {
  return statements.map((statement) => `${statement}\n`).join('');
}
