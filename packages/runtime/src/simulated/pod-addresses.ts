import { addressOf, addressText, familyOf, isValidCIDR, type IpFamily } from '@keelson/api';
import { KeelsonError } from '@keelson/base';

/** The widest and the narrowest range that will do. */
const BOUNDS: Readonly<Record<IpFamily, readonly [number, number]>> = { IPv4: [8, 29], IPv6: [48, 124] };
/** No node has more pods, so that all of a network of IPv6 need not be counted through. */
const MAX_SIZE = 2 ** 24;

/**
 * Gives pods addresses out of a range such as `10.244.0.0/24`, or out of one of each family with a comma between, each to one pod at a time.
 * The network's own address, the first one (a gateway's) and the last (broadcast) are left out. It goes round, so that one that was given back
 * is not met again at once.
 */
export class PodAddresses {
  readonly #ranges: readonly AddressRange[];

  constructor(cidrs: string) {
    this.#ranges = cidrs.split(',').map((cidr) => new AddressRange(cidr));
  }

  /** One of each range. */
  take(): readonly string[] {
    const taken: string[] = [];
    try {
      for (const range of this.#ranges) taken.push(range.take());
      return taken;
    } catch (error) {
      this.giveBack(taken);
      throw error;
    }
  }

  /** Takes certain ones, which are known to be in use. */
  reserve(addresses: readonly string[]): void {
    for (const range of this.#ranges) for (const address of addresses) range.reserve(address);
  }

  giveBack(addresses: readonly string[]): void {
    for (const range of this.#ranges) for (const address of addresses) range.giveBack(address);
  }
}

class AddressRange {
  readonly #cidr: string;
  readonly #family: IpFamily;
  readonly #base: bigint;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #last = 1;

  constructor(cidr: string) {
    const [network = '', length = ''] = cidr.split('/');
    const [widest, narrowest] = BOUNDS[familyOf(cidr)];
    if (isValidCIDR(cidr).length > 0 || Number(length) < widest || Number(length) > narrowest) {
      const bounds = `${familyOf(cidr)} addresses between /${widest} and /${narrowest}`;
      throw new KeelsonError('BadRequest', `not a range of ${bounds}: "${cidr}"`);
    }
    const { family, value } = addressOf(network);
    const size = 1n << BigInt((family === 'IPv4' ? 32 : 128) - Number(length));
    this.#cidr = cidr;
    this.#family = family;
    this.#size = Math.min(Number(size), MAX_SIZE);
    this.#base = value - (value % size);
  }

  take(): string {
    for (let tries = 0; tries < this.#size; tries += 1) {
      this.#last = this.#last + 1 >= this.#size - 1 ? 2 : this.#last + 1;
      if (this.#taken.has(this.#last)) continue;
      this.#taken.add(this.#last);
      return addressText({ family: this.#family, value: this.#base + BigInt(this.#last) });
    }
    throw new KeelsonError('ServiceUnavailable', `no IP addresses available in range set: ${this.#cidr}`);
  }

  /** Those of other ranges are not meant. */
  reserve(address: string): void {
    const offset = this.#offsetOf(address);
    if (offset !== undefined) this.#taken.add(offset);
  }

  giveBack(address: string): void {
    const offset = this.#offsetOf(address);
    if (offset !== undefined) this.#taken.delete(offset);
  }

  #offsetOf(address: string): number | undefined {
    const { family, value } = addressOf(address);
    const offset = value - this.#base;
    return family === this.#family && offset >= 0n && offset < BigInt(this.#size) ? Number(offset) : undefined;
  }
}
