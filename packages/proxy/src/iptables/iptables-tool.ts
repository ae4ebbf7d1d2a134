import { errorMessage, isReason, KeelsonError } from '@keelson/base';
import { runOrThrow, type CommandRunner } from '../command-runner.ts';
import type { IpFamily } from '../service-map.ts';
import type { TableState } from './changes.ts';
import type { Table } from './rule-set.ts';
import { parseSaved } from './saved.ts';

const LOCK_WAIT_SECONDS = '5';
const SAVE_TIMEOUT_MS = 60_000;
/** Tens of thousands of chains at once take the nft variant that long. */
const RESTORE_TIMEOUT_MS = 180_000;

/** One of the two iptables that a node may have: they keep their rules in different places of the kernel. */
export class IptablesTool {
  /** `iptables-nft`, `iptables-legacy`, or `iptables` where there is no other name; for IPv6 with a 6. */
  readonly program: string;
  readonly #run: CommandRunner;

  constructor(program: string, run: CommandRunner) {
    this.program = program;
    this.#run = run;
  }

  async save(table: Table): Promise<TableState> {
    const command = { file: `${this.program}-save`, args: ['-t', table], timeoutMs: SAVE_TIMEOUT_MS };
    return parseSaved(table, await runOrThrow(this.#run, command));
  }

  /**
   * How many chains to make or delete in one transaction. The nft variant's work grows with the square of it, in the program and in the
   * kernel; the legacy one reads and writes the whole table for each transaction.
   */
  get chainsAtOnce(): number {
    return this.program.endsWith('-nft') ? 250 : Infinity;
  }

  /** Each transaction as a whole or not at all. */
  async restore(text: string): Promise<void> {
    const args = ['-w', LOCK_WAIT_SECONDS, '--noflush'];
    await runOrThrow(this.#run, { file: `${this.program}-restore`, args, input: text, timeoutMs: RESTORE_TIMEOUT_MS });
  }
}

/**
 * The iptables that the node's other rules are in, since a packet that one variant lets through may be dropped by the other. Rejects with
 * `ServiceUnavailable` if there is none that works.
 */
export async function findIptables(run: CommandRunner, family: IpFamily): Promise<IptablesTool> {
  const name = family === 'IPv6' ? 'ip6tables' : 'iptables';
  const [nft, legacy, plain] = await Promise.all([
    version(run, `${name}-nft`),
    version(run, `${name}-legacy`),
    version(run, name),
  ]);
  if (nft === undefined && legacy === undefined) {
    if (plain !== undefined) return new IptablesTool(name, run);
    throw new KeelsonError('ServiceUnavailable', `Cannot use iptables: there is no program "${name}" that works`);
  }
  if (nft === undefined || legacy === undefined) return new IptablesTool(`${name}-${nft === undefined ? 'legacy' : 'nft'}`, run);
  const [inNft, inLegacy] = [await countRules(run, `${name}-nft`), await countLegacyRules(run, name)];
  if (inNft !== inLegacy) return new IptablesTool(`${name}-${inNft > inLegacy ? 'nft' : 'legacy'}`, run);
  return new IptablesTool(`${name}-${plain?.includes('legacy') ? 'legacy' : 'nft'}`, run);
}

/** All variants that may hold rules of ours. */
export async function findUsedIptables(run: CommandRunner, family: IpFamily): Promise<readonly IptablesTool[]> {
  const name = family === 'IPv6' ? 'ip6tables' : 'iptables';
  const used: string[] = [];
  if ((await version(run, `${name}-nft`)) !== undefined) used.push(`${name}-nft`);
  const hasLegacy = (await version(run, `${name}-legacy`)) !== undefined;
  if (hasLegacy && (await hasLegacyTables(run, name))) used.push(`${name}-legacy`);
  if (used.length === 0 && !hasLegacy && (await version(run, name)) !== undefined) used.push(name);
  return used.map((program) => new IptablesTool(program, run));
}

async function version(run: CommandRunner, file: string): Promise<string | undefined> {
  try {
    const { code, stdout } = await run({ file, args: ['--version'] });
    return code === 0 ? stdout : undefined;
  } catch (error) {
    if (isReason(error, 'NotFound')) return undefined;
    throw new KeelsonError('ServiceUnavailable', `Cannot use iptables: ${errorMessage(error)}`, { cause: error });
  }
}

async function countLegacyRules(run: CommandRunner, name: string): Promise<number> {
  // To look into a legacy table is to make it.
  return (await hasLegacyTables(run, name)) ? countRules(run, `${name}-legacy`) : 0;
}

async function hasLegacyTables(run: CommandRunner, name: string): Promise<boolean> {
  const { stdout } = await run({ file: 'cat', args: [`/proc/net/${name === 'iptables' ? 'ip' : 'ip6'}_tables_names`] });
  return stdout.trim() !== '';
}

async function countRules(run: CommandRunner, program: string): Promise<number> {
  const { code, stdout } = await run({ file: `${program}-save`, args: [], timeoutMs: SAVE_TIMEOUT_MS });
  return code === 0 ? stdout.split('\n').filter((line) => line.startsWith('-A ')).length : 0;
}
