import { KeelsonError } from '@keelson/base';

/**
 * Gives pods addresses out of an IPv4 range such as `10.244.0.0/24`, each to one pod at a time. The network's own address, the first one (a
 * gateway's) and the last (broadcast) are left out. It goes round, so that one that was given back is not met again at once.
 */
export class PodAddresses {
  readonly #cidr: string;
  readonly #base: number;
  readonly #size: number;
  readonly #taken = new Set<number>();
  #last = 1;

  constructor(cidr: string) {
    const [, a = '', b = '', c = '', d = '', bits = ''] = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr) ?? [];
    const bytes = [a, b, c, d].map(Number);
    const isRange = bits !== '' && bytes.every((byte) => byte < 256) && Number(bits) >= 8 && Number(bits) <= 29;
    if (!isRange) throw new KeelsonError('BadRequest', `not a range of IPv4 addresses between /8 and /29: "${cidr}"`);
    this.#cidr = cidr;
    this.#size = 2 ** (32 - Number(bits));
    const address = bytes.reduce((number, byte) => number * 256 + byte, 0);
    this.#base = address - (address % this.#size);
  }

  take(): string {
    for (let tries = 0; tries < this.#size; tries += 1) {
      this.#last = this.#last + 1 >= this.#size - 1 ? 2 : this.#last + 1;
      if (this.#taken.has(this.#last)) continue;
      this.#taken.add(this.#last);
      return textOf(this.#base + this.#last);
    }
    throw new KeelsonError('ServiceUnavailable', `no IP addresses available in range set: ${this.#cidr}`);
  }

  /** Takes a certain one, which is known to be in use. */
  reserve(address: string): void {
    this.#taken.add(this.#offsetOf(address));
  }

  giveBack(address: string): void {
    this.#taken.delete(this.#offsetOf(address));
  }

  #offsetOf(address: string): number {
    return address.split('.').reduce((number, byte) => number * 256 + Number(byte), 0) - this.#base;
  }
}

function textOf(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}
