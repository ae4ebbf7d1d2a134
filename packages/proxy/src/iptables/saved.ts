import type { Table } from './rule-set.ts';
import { FIXED_CHAINS } from './rule-set.ts';
import { SERVICE_CHAIN } from './names.ts';

/** What a table holds: our chains, and of the kernel's chains the rules that lead to ours. */
export interface SavedTable {
  readonly chains: Map<string, string[]>;
  readonly jumps: Map<string, string[]>;
}

/** Reads the output of `iptables-save -t TABLE`. */
export function parseSaved(table: Table, text: string): SavedTable {
  const chains = new Map<string, string[]>();
  const jumps = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    if (line.startsWith(':')) {
      const chain = line.slice(1, line.indexOf(' '));
      if (isOurs(table, chain)) chains.set(chain, []);
    } else if (line.startsWith('-A ')) {
      const end = line.indexOf(' ', 3);
      const chain = line.slice(3, end);
      const rule = line.slice(end + 1);
      if (isOurs(table, chain)) chains.get(chain)?.push(rule);
      else if (isOurs(table, targetOf(rule))) append(jumps, chain, rule);
    }
  }
  return { chains, jumps };
}

export function isOurs(table: Table, chain: string): boolean {
  return SERVICE_CHAIN.test(chain) ? table === 'nat' : FIXED_CHAINS[table].includes(chain);
}

function targetOf(rule: string): string {
  return /(?:^| )-[jg] (\S+)/.exec(rule)?.[1] ?? '';
}

function append(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
