import { BlockList, isIPv4 } from 'node:net';

export function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv4(address) ? 'ipv4' : 'ipv6';
}

/** Ranges (CIDRs) as something to look addresses up in. What is not a range is left out. */
export function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', bits = ''] = range.split('/');
    try {
      list.addSubnet(network, Number(bits), familyOf(network));
    } catch {
      // Not a range: nothing is in it.
    }
  }
  return list;
}
