import { BlockList, isIP } from 'node:net';

/** Where nothing may be proxied to: the API server's own machine, its links, groups of machines, and no machine at all. */
const REFUSED = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 32],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 4],
  ['255.255.255.255', 32],
] as const) {
  REFUSED.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ['::', 128],
  ['::1', 128],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  REFUSED.addSubnet(network, bits, 'ipv6');
}

/** True for an address that one machine of a network may have. */
export function isProxyableAddress(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && !REFUSED.check(address, family === 4 ? 'ipv4' : 'ipv6');
}
