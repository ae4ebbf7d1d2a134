import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIPv4, type LookupFunction } from 'node:net';

/** Addresses of this machine, and of what is on a single link with it, such as the metadata service of a cloud. */
const NEAR = new BlockList();
NEAR.addSubnet('0.0.0.0', 8);
NEAR.addSubnet('127.0.0.0', 8);
NEAR.addSubnet('169.254.0.0', 16);
NEAR.addAddress('::', 'ipv6');
NEAR.addAddress('::1', 'ipv6');
NEAR.addSubnet('fe80::', 10, 'ipv6');

/** Asks the system's resolver, and leaves out addresses that are not for others: who may make Services does not get at what listens for this machine alone. */
export const lookupElsewhere: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '');
    const [first, ...others] = addresses.filter(({ address }) => !isNear(address));
    if (!first) return callback(new Error(`${hostname} leads to this machine or its link only`), '');
    if (options.all) callback(null, [first, ...others] satisfies LookupAddress[]);
    else callback(null, first.address, first.family);
  });
};

/** IPv4 in the clothes of IPv6 counts as IPv4. */
function isNear(address: string): boolean {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
  return NEAR.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6');
}
