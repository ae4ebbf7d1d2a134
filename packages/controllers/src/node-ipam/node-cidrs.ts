import { familyOf } from '@keelson/api';
import { CidrBlocks } from './cidr-blocks.ts';

/** What nodes get their pod networks from. */
export interface NodeCidrOptions {
  /** A range for pods, or one of each family with a comma between: `10.244.0.0/16`. */
  readonly clusterCidr: string;
  /** Ranges in `clusterCidr` that no node gets, such as that of Services. */
  readonly reserved?: readonly string[];
  /** How large the networks of nodes are. Default: 24 and 64. */
  readonly maskSizes?: Partial<Readonly<Record<'IPv4' | 'IPv6', number>>>;
}

const MASK_SIZES = { IPv4: 24, IPv6: 64 };

/** Which node has which networks: those that nodes have, and those that were chosen for them and are perhaps not yet written. */
export class NodeCidrs {
  readonly #ranges: readonly CidrBlocks[];
  readonly #held = new Map<string, readonly string[]>();

  /** `BadRequest` if the options make no sense. */
  constructor({ clusterCidr, reserved = [], maskSizes }: NodeCidrOptions) {
    this.#ranges = clusterCidr
      .split(',')
      .map((cidr) => new CidrBlocks(cidr, maskSizes?.[familyOf(cidr)] ?? MASK_SIZES[familyOf(cidr)]));
    for (const cidr of reserved) for (const range of this.#ranges) range.hold(cidr);
  }

  /** A node was seen with these. */
  hold(node: string, cidrs: readonly string[]): void {
    if (this.#held.get(node)?.join(',') === cidrs.join(',')) return;
    for (const range of this.#ranges) for (const cidr of cidrs) range.hold(cidr);
    this.release(node);
    this.#held.set(node, cidrs);
  }

  /** Networks for a node that has none, one of each range: the same ones until it is released. `undefined` if a range has none left. */
  choose(node: string): readonly string[] | undefined {
    const known = this.#held.get(node);
    if (known) return known;
    const chosen = this.#ranges.flatMap((range) => range.take() ?? []);
    this.#held.set(node, chosen);
    if (chosen.length === this.#ranges.length) return chosen;
    this.release(node);
    return undefined;
  }

  /** Others may have its networks. */
  release(node: string): void {
    for (const cidr of this.#held.get(node) ?? []) for (const range of this.#ranges) range.release(cidr);
    this.#held.delete(node);
  }
}
