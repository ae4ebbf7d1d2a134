import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addressOf, addressText, type Address } from '@keelson/api';
import { KeelsonError } from '@keelson/base';

/** An address in a range, and the way out of it. */
export interface GivenAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway: string;
}

const LAST = /^last_reserved_ip\./;
const BITS = { IPv4: 32, IPv6: 128 } as const;

/**
 * Which addresses are taken, and by whom: a file for each in one directory, in the form of the plugin `host-local`. It goes round, so that an address
 * that was given back is not met again at once. To be used by one process at a time.
 */
export class Addresses {
  readonly #directory: string;
  /** Owners by address. */
  #taken: Promise<Map<string, string>> | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The range at this place among the ranges of a node. Rejects with `InternalError` if all are taken. */
  async take(cidr: string, place: number, owner: string): Promise<GivenAddress> {
    const range = rangeOf(cidr);
    const address = (await this.#next(range, place, owner)) ?? (await this.#nextOnDisk(range, place, owner));
    if (address !== undefined) return { address, prefixLength: range.prefixLength, gateway: range.gateway };
    const [first, last] = [range.gateway, addressText({ family: range.family, value: range.last })];
    throw new KeelsonError('InternalError', `no IP addresses available in range set: ${first}-${last}`);
  }

  /** All that it has. */
  async giveBack(owner: string): Promise<void> {
    const taken = await this.#load();
    const own = [...taken].filter(([, each]) => each === owner).map(([address]) => address);
    for (const address of own) await rm(join(this.#directory, address), { force: true });
    for (const address of own) taken.delete(address);
  }

  async #next(range: Range, place: number, owner: string): Promise<string | undefined> {
    const taken = await this.#load();
    const lastFile = join(this.#directory, `last_reserved_ip.${place}`);
    const before = await readFile(lastFile, 'utf8').catch(() => '');
    for (const address of candidates(range, before)) {
      if (taken.has(address)) continue;
      taken.set(address, owner);
      if (!(await this.#note(address, owner))) continue;
      await writeFile(lastFile, address);
      return address;
    }
    return undefined;
  }

  /** What was given back by somebody else: the plugin, for a pod that it has attached. */
  async #nextOnDisk(range: Range, place: number, owner: string): Promise<string | undefined> {
    this.#taken = undefined;
    return this.#next(range, place, owner);
  }

  async #note(address: string, owner: string): Promise<boolean> {
    try {
      await writeFile(join(this.#directory, address), owner, { flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      (await this.#load()).delete(address);
      throw error;
    }
  }

  #load(): Promise<Map<string, string>> {
    this.#taken ??= this.#read();
    this.#taken.catch(() => (this.#taken = undefined));
    return this.#taken;
  }

  async #read(): Promise<Map<string, string>> {
    await mkdir(this.#directory, { recursive: true });
    const names = (await readdir(this.#directory)).filter((name) => name !== 'lock' && !LAST.test(name));
    const read = names.map(async (name) => [name, await readFile(join(this.#directory, name), 'utf8')] as const);
    return new Map(await Promise.all(read));
  }
}

/** What the plugin writes. */
export function ownerText(sandboxId: string, interfaceName: string): string {
  return `${sandboxId}\r\n${interfaceName}`;
}

interface Range {
  readonly family: Address['family'];
  readonly prefixLength: number;
  readonly gateway: string;
  /** Behind the gateway, which is the first one. */
  readonly first: bigint;
  readonly last: bigint;
}

function rangeOf(cidr: string): Range {
  const [text = '', length = ''] = cidr.split('/');
  const { family, value } = addressOf(text);
  const prefixLength = Number(length);
  const size = 1n << BigInt(BITS[family] - prefixLength);
  const base = value - (value % size);
  const gateway = addressText({ family, value: base + 1n });
  // The last one of IPv4 is for everybody.
  return { family, prefixLength, gateway, first: base + 2n, last: base + size - (family === 'IPv4' ? 2n : 1n) };
}

/** Each once, from the one behind `before` on. */
function* candidates({ family, first, last }: Range, before: string): Generator<string> {
  const value = before === '' ? first - 1n : addressOf(before).value;
  const start = value < first || value >= last ? first : value + 1n;
  for (let next = start; next <= last; next += 1n) yield addressText({ family, value: next });
  for (let next = first; next < start; next += 1n) yield addressText({ family, value: next });
}
