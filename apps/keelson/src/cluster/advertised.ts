import { familyOf, type IpFamily } from '@keelson/api';
import { KeelsonError } from '@keelson/base';
import { isIP } from 'node:net';
import type { ClusterOptions } from '../options.ts';
import { isAnyAddress, isLoopback, machineAddress } from './own-address.ts';
import { familiesOf } from './ranges.ts';

type Listening = Pick<ClusterOptions, 'bindAddress' | 'advertiseAddress' | 'clusterCidr'>;

/**
 * Where other machines reach this one, first that where they reach the API server; none if they shall not. `BadRequest` if there is nothing that they
 * could be told.
 */
export async function advertisedAddresses(options: Listening): Promise<readonly string[]> {
  const first = await primaryAddress(options);
  if (first === undefined) return [];
  const others = familiesOf(options.clusterCidr).filter((family) => family !== familyOf(first));
  const found = await Promise.all(others.map(machineAddress));
  return [first, ...found.filter((address) => address !== undefined)];
}

/** Whether machines other than this one can join: where none can, kubelets get no rights that only those need. */
export function takesOthers({ nodes, bindAddress, advertiseAddress }: Pick<ClusterOptions, 'nodes'> & Listening): boolean {
  return nodes === 0 || advertiseAddress !== undefined || !isLoopback(bindAddress);
}

async function primaryAddress({ bindAddress, advertiseAddress }: Listening): Promise<string | undefined> {
  const wanted = advertiseAddress ?? (isLoopback(bindAddress) ? undefined : bindAddress);
  if (wanted === undefined) return undefined;
  if (isAnyAddress(wanted)) return ownAddress(familyOf(wanted));
  if (isIP(wanted) > 0) return wanted;
  if (advertiseAddress === undefined) return undefined;
  throw new KeelsonError('BadRequest', `--advertise-address has to be an IP address, not "${wanted}"`);
}

async function ownAddress(family: IpFamily): Promise<string> {
  const address = await machineAddress(family);
  if (address !== undefined) return address;
  throw new KeelsonError('BadRequest', `This machine has no ${family} address that others could reach: add --advertise-address`);
}
