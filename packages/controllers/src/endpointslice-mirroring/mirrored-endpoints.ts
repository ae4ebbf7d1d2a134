import { isIPv4, isIPv6 } from '@keelson/api';
import type { EndpointAddress, Endpoints, EndpointSubset } from '@keelson/api/core/v1';
import type { Endpoint, EndpointPort } from '@keelson/api/discovery/v1';
import {
  endpointKey,
  portsKey,
  type AddressType,
  type DesiredEndpoints,
  type PortGroup,
} from '../endpointslice/desired-endpoints.ts';

/** What slices are to say, and what they cannot. */
export interface Mirrored {
  readonly families: Readonly<Record<AddressType, DesiredEndpoints>>;
  /** Addresses that are none. */
  readonly invalid: number;
  /** Addresses beyond those that a subset may have. */
  readonly skipped: number;
}

/** The endpoints of all subsets, by family and ports. One that several subsets with the same ports have counts once, as ready if it is so in one. */
export function mirroredEndpoints({ subsets }: Endpoints, maxPerSubset: number): Mirrored {
  const families = { IPv4: new Map<string, PortGroup>(), IPv6: new Map<string, PortGroup>() };
  let [invalid, skipped] = [0, 0];
  for (const subset of subsets ?? []) {
    let count = 0;
    for (const { address, isReady } of addressesOf(subset)) {
      const family = familyOf(address);
      if (!family) invalid += 1;
      else if (count >= maxPerSubset) skipped += 1;
      else {
        add(families[family], subset, endpointOf(address, isReady));
        count += 1;
      }
    }
  }
  return { families, invalid, skipped };
}

function addressesOf(subset: EndpointSubset): readonly { readonly address: EndpointAddress; readonly isReady: boolean }[] {
  return [
    ...(subset.addresses ?? []).map((address) => ({ address, isReady: true })),
    ...(subset.notReadyAddresses ?? []).map((address) => ({ address, isReady: false })),
  ];
}

function familyOf({ ip }: EndpointAddress): AddressType | undefined {
  if (isIPv4(ip)) return 'IPv4';
  return isIPv6(ip) ? 'IPv6' : undefined;
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, isReady: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready: isReady },
    ...(hostname !== undefined && { hostname }),
    ...(nodeName !== undefined && { nodeName }),
    ...(targetRef && { targetRef }),
  };
}

function add(groups: Map<string, PortGroup>, subset: EndpointSubset, endpoint: Endpoint): void {
  const ports = portsOf(subset);
  const key = portsKey(ports);
  const group = groups.get(key) ?? { ports, endpoints: new Map<string, Endpoint>() };
  groups.set(key, group);
  const known = group.endpoints.get(endpointKey(endpoint));
  if (known?.conditions?.ready !== true) group.endpoints.set(endpointKey(endpoint), endpoint);
}

function portsOf({ ports }: EndpointSubset): EndpointPort[] {
  return (ports ?? []).map(({ name = '', port, protocol, appProtocol }) => ({
    name,
    port,
    protocol: protocol ?? 'TCP',
    ...(appProtocol !== undefined && { appProtocol }),
  }));
}
