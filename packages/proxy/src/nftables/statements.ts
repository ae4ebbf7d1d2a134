import type { Element } from './claims.ts';
import type { Chain } from './table-layout.ts';

/** So many elements in one statement. */
const CHUNK = 5_000;

/** Makes a set or map that is written as within a table: `set NAME { ... }`. */
export function declaration(table: string, text: string): string {
  const [kind = '', name = ''] = text.split(' ');
  return `add ${kind} ${table} ${name} ${text.slice(kind.length + name.length + 2)}`;
}

/** Makes the chains, or those that are there anew. */
export function chainStatements(table: string, chains: ReadonlyMap<string, Chain>): string[] {
  return [
    ...[...chains].map(([name, { hook }]) => `add chain ${table} ${name}${hook ? ` { ${hook} }` : ''}`),
    ...[...chains.keys()].map((name) => `flush chain ${table} ${name}`),
    ...[...chains].flatMap(([name, { rules }]) => rules.map((rule) => `add rule ${table} ${name} ${rule}`)),
  ];
}

export function elementStatements(table: string, verb: 'add' | 'delete', elements: Iterable<Element>): string[] {
  const lines: string[] = [];
  for (const [set, list] of Map.groupBy(elements, (one) => one.set)) {
    for (let start = 0; start < list.length; start += CHUNK) {
      const chunk = list.slice(start, start + CHUNK);
      const texts = chunk.map((one) => (one.value && verb === 'add' ? `${one.key} : ${one.value}` : one.key));
      lines.push(`${verb} element ${table} ${set} { ${texts.join(', ')} }`);
    }
  }
  return lines;
}
