import { addressOf, addressText, familyOf, type IpFamily } from '@keelson/api';

/** Ranges are given as Kubernetes' flags have them: one, or one of each family with a comma between. The first one's family is the default. */
export function rangesIn(list: string): readonly string[] {
  return list.split(',');
}

export function familiesOf(list: string): readonly IpFamily[] {
  return rangesIn(list).map(familyOf);
}

/** Address number `position` of a range; 0 is the network's own. */
export function addressAt(range: string, position: number): string {
  const { family, first } = startOf(range);
  return addressText({ family, value: first + BigInt(position) });
}

/** How large the network of a node's pods is, as Kubernetes has it by default. */
const NODE_BITS: Readonly<Record<IpFamily, number>> = { IPv4: 24, IPv6: 64 };

/** The networks of a node's pods, one of each range of all pods. Nodes are counted from 1. */
export function podCidrsOf({ clusterCidr }: { readonly clusterCidr: string }, index: number): readonly string[] {
  return rangesIn(clusterCidr).map((range) => {
    const { family, first, bits } = startOf(range);
    const nodeBits = NODE_BITS[family];
    if (bits >= nodeBits) return range;
    const size = 1n << BigInt(widthOf(family) - nodeBits);
    return `${addressText({ family, value: first + BigInt(index) * size })}/${nodeBits}`;
  });
}

/** The first address of a node's network, which the node has on its bridge. */
export function gatewayOf(podCidr: string): string {
  return addressAt(podCidr, 1);
}

/** The name server of pods: the tenth address of the range of Services. */
export function clusterDnsOf({ serviceCidr }: { readonly serviceCidr: string }): string {
  return addressAt(rangesIn(serviceCidr)[0] ?? '', 10);
}

function startOf(range: string): { readonly family: IpFamily; readonly first: bigint; readonly bits: number } {
  const [network = '', length = ''] = range.split('/');
  const { family, value } = addressOf(network);
  const hostBits = BigInt(widthOf(family) - Number(length));
  return { family, first: (value >> hostBits) << hostBits, bits: Number(length) };
}

function widthOf(family: IpFamily): number {
  return family === 'IPv4' ? 32 : 128;
}
