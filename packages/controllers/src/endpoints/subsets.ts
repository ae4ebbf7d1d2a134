import { nameOf, namespaceOf } from '@keelson/api';
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from '@keelson/api/core/v1';
import { addressesOf, factsOf, hostnameIn, isBeingDeleted, portsOnPod } from '../service-endpoints/service-pods.ts';

/** Addresses that one Endpoints object holds at most. */
export const CAPACITY = 1_000;

interface Entry {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly ports: EndpointPort[];
}

/** The subsets of a Service, in an order that depends on nothing but their content: addresses that have the same ports are together. */
export function subsetsOf(service: Service, pods: readonly Pod[]): EndpointSubset[] {
  const all = service.spec?.publishNotReadyAddresses === true;
  const entries: Entry[] = [];
  for (const pod of pods) {
    if (isBeingDeleted(pod) && !all) continue;
    const address = addressIn(service, pod);
    const ports = portsOf(service, pod);
    if (address && ports) entries.push({ address, ready: all || factsOf(pod).isReady, ports });
  }
  return pack(entries);
}

function addressIn(service: Service, pod: Pod): EndpointAddress | undefined {
  const [family] = service.spec?.ipFamilies ?? [];
  const { IPv4, IPv6 } = factsOf(pod).addresses;
  const [ip] = family === 'IPv4' ? IPv4 : family === 'IPv6' ? IPv6 : addressesOf(pod);
  if (ip === undefined) return undefined;
  const hostname = hostnameIn(service, pod);
  return {
    ip,
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: pod.metadata?.uid },
  };
}

function portsOf(service: Service, pod: Pod): EndpointPort[] | undefined {
  return portsOnPod(service, pod)
    ?.map(({ name = '', port, protocol, appProtocol }) => ({
      ...(name !== '' && { name }),
      port,
      protocol,
      ...(appProtocol !== undefined && { appProtocol }),
    }))
    .toSorted((a, b) => compare(JSON.stringify(a), JSON.stringify(b)));
}

function pack(entries: readonly Entry[]): EndpointSubset[] {
  const byPorts = new Map<string, Entry[]>();
  for (const entry of entries) {
    const key = JSON.stringify(entry.ports);
    const known = byPorts.get(key);
    if (known) known.push(entry);
    else byPorts.set(key, [entry]);
  }
  return [...byPorts]
    .sort(([a], [b]) => compare(a, b))
    .map(([, members]) => {
      const addresses = addressesWhere(members, true);
      const notReadyAddresses = addressesWhere(members, false);
      const ports = members[0]?.ports ?? [];
      return {
        ...(addresses.length > 0 && { addresses }),
        ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
        ...(ports.length > 0 && { ports }),
      };
    });
}

function addressesWhere(entries: readonly Entry[], ready: boolean): EndpointAddress[] {
  const sortKey = ({ ip, targetRef }: EndpointAddress): string => `${ip} ${targetRef?.uid}`;
  return entries
    .filter((entry) => entry.ready === ready)
    .map(({ address }) => address)
    .toSorted((a, b) => compare(sortKey(a), sortKey(b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Cuts subsets down to `capacity` addresses, ready ones first, the same share of each subset. Gives the same array if they fit.
 * Example: 3 ready and 2 not ready for 4 places: 3 ready, 1 not ready. 6 and 2 ready in two subsets for 4 places: 3 and 1.
 */
export function truncate(subsets: EndpointSubset[], capacity = CAPACITY): EndpointSubset[] {
  const ready = subsets.map(({ addresses = [] }) => addresses.length);
  const notReady = subsets.map(({ notReadyAddresses = [] }) => notReadyAddresses.length);
  const [readyTotal, notReadyTotal] = [total(ready), total(notReady)];
  if (readyTotal + notReadyTotal <= capacity) return subsets;
  const keepReady = share(ready, readyTotal, Math.min(capacity, readyTotal));
  const keepNotReady = share(notReady, notReadyTotal, Math.min(notReadyTotal, Math.max(0, capacity - readyTotal)));
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [], ...rest }, at) => {
    const [kept, keptNotReady] = [addresses.slice(0, keepReady[at]), notReadyAddresses.slice(0, keepNotReady[at])];
    if (kept.length + keptNotReady.length === 0) return [];
    return [
      {
        ...(kept.length > 0 && { addresses: kept }),
        ...(keptNotReady.length > 0 && { notReadyAddresses: keptNotReady }),
        ...rest,
      },
    ];
  });
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Splits `places` in proportion to `counts`; what rounding leaves goes to the first that have more. */
function share(counts: readonly number[], all: number, places: number): number[] {
  const shares = counts.map((count) => (all === 0 ? 0 : Math.floor((count * places) / all)));
  let left = places - total(shares);
  return shares.map((kept, at) => {
    const more = Math.min(left, (counts[at] ?? 0) - kept);
    left -= more;
    return kept + more;
  });
}
