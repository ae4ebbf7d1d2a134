import { BlockList } from 'node:net';
import { networkInterfaces } from 'node:os';
import { cniAvailable } from '@keelson/runtime/cni';

/** Why pods cannot get addresses of a range by CNI here, on a bridge of their own; `undefined` if they can. */
export function cniObstacle(cidr: string, bridge: string): string | undefined {
  const cni = cniAvailable();
  if (!cni.available) return cni.why;
  const [network = '', bits = ''] = cidr.split('/');
  const range = new BlockList();
  range.addSubnet(network, Number(bits));
  for (const [name, addresses = []] of Object.entries(networkInterfaces())) {
    const taken = addresses.find(({ address, family }) => family === 'IPv4' && range.check(address));
    if (taken && name !== bridge)
      return `${taken.address} of interface ${name} is in the pods' range ${cidr}: choose another with --cluster-cidr`;
  }
  return undefined;
}
