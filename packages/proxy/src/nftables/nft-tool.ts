import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { TableNames } from './table-state.ts';

const APPLY_TIMEOUT_MS = 120_000;

interface TableList {
  readonly nftables: readonly { readonly table?: { readonly family: string; readonly name: string; readonly handle: number } }[];
}

/** The program `nft`, and one table of ours. */
export class NftTool {
  readonly #run: CommandRunner;
  readonly #table: string;

  /** `table` is a family and a name: `ip keelson-proxy`. */
  constructor(run: CommandRunner, table: string) {
    this.#run = run;
    this.#table = table;
  }

  /** All statements or none. */
  async apply(statements: string): Promise<void> {
    await runOrThrow(this.#run, { file: 'nft', args: ['-f', '-'], input: statements, timeoutMs: APPLY_TIMEOUT_MS });
  }

  /** Whether the kernel would take the statements. Rejects with `nft`'s words if not. */
  async check(statements: string): Promise<void> {
    await runOrThrow(this.#run, { file: 'nft', args: ['-c', '-f', '-'], input: statements });
  }

  /** What tells this table from one of the same name that was made in its place; undefined if there is none. Costs little. */
  async handle(): Promise<string | undefined> {
    const listed = await runOrThrow(this.#run, { file: 'nft', args: ['-j', 'list', 'tables'] });
    const { nftables } = JSON.parse(listed) as TableList;
    const table = nftables.find((one) => one.table && `${one.table.family} ${one.table.name}` === this.#table)?.table;
    return table && String(table.handle);
  }

  /** The chains and sets of the table. */
  async names(): Promise<TableNames> {
    const listed = await runOrThrow(this.#run, {
      file: 'nft',
      args: ['-t', 'list', 'table', ...this.#table.split(' ')],
      timeoutMs: APPLY_TIMEOUT_MS,
    });
    const of = (kind: string): Set<string> =>
      new Set([...listed.matchAll(new RegExp(`^\\t${kind} (\\S+) \\{`, 'gm'))].map(([, name = '']) => name));
    return { chains: of('chain'), sets: of('(?:set|map)') };
  }

  async remove(): Promise<void> {
    await this.apply(`add table ${this.#table}\ndelete table ${this.#table}\n`);
  }
}
