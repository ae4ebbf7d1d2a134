import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { lookup } from 'node:dns/promises';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import { familyOf, type IpFamily } from '@keelson/api';

/** Of documentation: nobody is asked, but the kernel says by which address it would ask somebody far away. */
const FAR_AWAY: Readonly<Record<IpFamily, string>> = { IPv4: '203.0.113.1', IPv6: '2001:db8::1' };

/** The address of this machine that `host` would see; `undefined` if there is no way to it. Sends nothing but what asks for a name. */
export async function addressTowards(host: string): Promise<string | undefined> {
  try {
    const { address, family } = await lookup(host);
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    try {
      socket.connect(9, address);
      await once(socket, 'connect');
      return socket.address().address;
    } finally {
      socket.close();
    }
  } catch {
    return undefined;
  }
}

/** The address by which this machine is known to others: that of its default route, or the first that is neither of the loopback nor of one link. */
export async function machineAddress(wanted: IpFamily): Promise<string | undefined> {
  return (await addressTowards(FAR_AWAY[wanted])) ?? addressesForOthers().find((address) => familyOf(address) === wanted);
}

/** All of this machine that others may know: none of the loopback, and of IPv6 none of a single link. */
export function addressesForOthers(): readonly string[] {
  return interfaceAddresses()
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
}

export function interfaceAddresses(): readonly NetworkInterfaceInfo[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || address === 'localhost';
}

/** `0.0.0.0` or `::`. */
export function isAnyAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}
