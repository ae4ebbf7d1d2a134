import { isIPv4, isIPv6 } from 'node:net';

/** One spelling for each address, so that addresses can be keys; undefined for what is none. */
export function canonicalAddress(address: string): string | undefined {
  if (isIPv4(address)) return address;
  if (!isIPv6(address) || address.includes('%')) return undefined;
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** The address as one label of a name: `10-0-0-1`, `2001-db8--1`. */
export function dashedAddress(address: string): string {
  return address.replaceAll(/[.:]/g, '-');
}

/** The address that a label such as `10-0-0-1` or `2001-db8--1` spells; undefined if it spells none. */
export function addressOfDashed(label: string): string | undefined {
  const dotted = label.replaceAll('-', '.');
  return isIPv4(dotted) ? dotted : canonicalAddress(label.replaceAll('-', ':'));
}

/** The address that a name under `in-addr.arpa` or `ip6.arpa` (lower case) asks about; undefined for all other names. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) return canonicalAddress(name.slice(0, -13).split('.').toReversed().join('.'));
  if (!name.endsWith('.ip6.arpa')) return undefined;
  const nibbles = name.slice(0, -9).split('.').toReversed().join('');
  // 32 nibbles and the 31 dots between them.
  if (name.length !== 72 || !/^[\da-f]{32}$/.test(nibbles)) return undefined;
  return canonicalAddress(nibbles.replaceAll(/(.{4})(?!$)/g, '$1:'));
}
