import { isIPv4, isIPv6 } from 'node:net';
import type { IpFamily } from '../service-map.ts';

/** A CIDR as the kernel shows it, without host bits; undefined if it is none of that family. */
export function canonicalRange(range: string, family: IpFamily): string | undefined {
  const [network = '', bitsText = '', rest] = range.split('/');
  const width = family === 'IPv6' ? 128 : 32;
  const bits = Number(bitsText);
  if (rest !== undefined || !/^\d{1,3}$/.test(bitsText) || bits > width) return undefined;
  if (!(family === 'IPv6' ? isIPv6(network) : isIPv4(network))) return undefined;
  const hostBits = BigInt(width - bits);
  const masked = (numberOf(network) >> hostBits) << hostBits;
  return `${textOf(masked, family)}/${bits}`;
}

function numberOf(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return groupsOf(address).reduce((sum, group) => sum * 65_536n + BigInt(group), 0n);
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  // The URL parser writes all forms in one: lower case, one "::", no dotted end.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const parse = (text: string): number[] => (text ? text.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const [left, right] = [parse(head), parse(tail ?? '')];
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}

function textOf(address: bigint, family: IpFamily): string {
  const [parts, width] = family === 'IPv6' ? [8, 16n] : [4, 8n];
  const groups = Array.from(
    { length: parts },
    (_, index) => (address >> (BigInt(parts - 1 - index) * width)) & ((1n << width) - 1n),
  );
  if (family === 'IPv4') return groups.join('.');
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
}
