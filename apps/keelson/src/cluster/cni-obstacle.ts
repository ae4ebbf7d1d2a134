import { existsSync } from 'node:fs';
import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { familyOf } from '@keelson/api';
import { cniAvailable } from '@keelson/runtime/cni';

/** Why pods cannot get addresses of these ranges by CNI here, on a bridge of their own; `undefined` if they can. */
export function cniObstacle(cidrs: readonly string[], bridge: string): string | undefined {
  const cni = cniAvailable();
  if (!cni.available) return cni.why;
  if (cidrs.some((cidr) => familyOf(cidr) === 'IPv6') && !existsSync('/proc/net/if_inet6')) return 'this machine has no IPv6';
  return cidrs.map((cidr) => conflict(cidr, bridge)).find((why) => why !== undefined);
}

function conflict(cidr: string, bridge: string): string | undefined {
  const [network = '', bits = ''] = cidr.split('/');
  const range = new BlockList();
  range.addSubnet(network, Number(bits), familyOf(cidr) === 'IPv6' ? 'ipv6' : 'ipv4');
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const taken = addresses.find(({ address, family }) => range.check(address, family === 'IPv6' ? 'ipv6' : 'ipv4'));
    if (taken && name !== bridge)
      return `${taken.address} of interface ${name} is in the pods' range ${cidr}: choose another with --cluster-cidr`;
  }
  return undefined;
}
