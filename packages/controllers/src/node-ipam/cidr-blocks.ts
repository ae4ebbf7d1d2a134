import { addressOf, addressText, isValidCIDR, type IpFamily } from '@keelson/api';
import { KeelsonError } from '@keelson/base';

/** As many as upstream cuts a range into. */
const MAX_BLOCK_BITS = 16;

interface Range {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
}

/** A range of addresses that is given out in blocks of one size. */
export class CidrBlocks {
  readonly #range: Range;
  readonly #maskSize: number;
  readonly #blockBits: bigint;
  /** How many hold each: networks that were not chosen here may share a block. */
  readonly #holders: Uint16Array;
  #cursor = 0;

  /** `BadRequest` if `cidr` is no range, or cannot be cut into blocks of that size. */
  constructor(cidr: string, maskSize: number) {
    const size = Number(cidr.split('/')[1]);
    const isGood = isValidCIDR(cidr).length === 0 && maskSize >= size && maskSize - size <= MAX_BLOCK_BITS;
    if (!isGood) throw new KeelsonError('BadRequest', `Cannot give out blocks of size /${maskSize} of the range "${cidr}"`);
    this.#range = rangeOf(cidr);
    this.#maskSize = maskSize;
    this.#blockBits = BigInt(bitsOf(this.#range.family) - maskSize);
    this.#holders = new Uint16Array(2 ** (maskSize - size));
  }

  /** A free block, which is held from now on; one that was given back lately comes last. `undefined` if all are held. */
  take(): string | undefined {
    for (let tries = 0; tries < this.#holders.length; tries += 1) {
      const block = this.#cursor;
      this.#cursor = (this.#cursor + 1) % this.#holders.length;
      if (this.#holders[block] !== 0) continue;
      this.#holders[block] = 1;
      const value = this.#range.first + (BigInt(block) << this.#blockBits);
      return `${addressText({ family: this.#range.family, value })}/${this.#maskSize}`;
    }
    return undefined;
  }

  /** Every block that the network touches is held once more. What is outside does not count. */
  hold(cidr: string): void {
    this.#count(cidr, 1);
  }

  /** Undoes one `hold`, or a `take`. */
  release(cidr: string): void {
    this.#count(cidr, -1);
  }

  #count(cidr: string, change: 1 | -1): void {
    const { family, first, last } = rangeOf(cidr);
    const { family: own, first: start, last: end } = this.#range;
    if (family !== own || last < start || first > end) return;
    const from = Number((first < start ? 0n : first - start) >> this.#blockBits);
    const to = Number(((last > end ? end : last) - start) >> this.#blockBits);
    for (let block = from; block <= to; block += 1) this.#holders[block] = (this.#holders[block] ?? 0) + change;
  }
}

function rangeOf(cidr: string): Range {
  const [address = '', size = '0'] = cidr.split('/');
  const { family, value } = addressOf(address);
  const hostBits = BigInt(bitsOf(family) - Number(size));
  const first = (value >> hostBits) << hostBits;
  return { family, first, last: first + (1n << hostBits) - 1n };
}

function bitsOf(family: IpFamily): number {
  return family === 'IPv4' ? 32 : 128;
}
