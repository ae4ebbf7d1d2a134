import { addressOf, type IpFamily } from '@keelson/api';

interface Network {
  readonly family: IpFamily;
  readonly value: bigint;
  /** How many bits of an address say the network. */
  readonly length: number;
}

/** Whether all of `inner` is in `outer`. Each is a valid CIDR, or an address: a network of one. */
export function covers(outer: string, inner: string): boolean {
  const [large, small] = [networkOf(outer), networkOf(inner)];
  if (large.family !== small.family || large.length > small.length) return false;
  const hostBits = BigInt((large.family === 'IPv4' ? 32 : 128) - large.length);
  return large.value >> hostBits === small.value >> hostBits;
}

function networkOf(text: string): Network {
  const [address = '', length] = text.split('/');
  const { family, value } = addressOf(address);
  return { family, value, length: length === undefined ? (family === 'IPv4' ? 32 : 128) : Number(length) };
}
