import { isIPv6, isPodReady, nameOf, namespaceOf } from '@keelson/api';
import type { Node, Pod, Service } from '@keelson/api/core/v1';
import type { Endpoint, EndpointPort } from '@keelson/api/discovery/v1';
import { addressesOf, hostnameIn, isBeingDeleted, portOn } from '../service-endpoints/service-pods.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';

export type AddressType = 'IPv4' | 'IPv6';

/** Endpoints that have the same ports, by `endpointKey`. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

export interface DesiredEndpoints {
  /** By `portsKey`. */
  readonly groups: ReadonlyMap<string, PortGroup>;
  /** Nodes that pods are bound to, and that are not there: their pods are left out until they are. */
  readonly missingNodes: ReadonlySet<string>;
}

interface World {
  readonly service: Service;
  readonly pods: readonly Pod[];
  readonly node: (name: string) => Node | undefined;
}

/** The families that a Service has slices for. */
export function addressTypesOf({ spec }: Service): readonly AddressType[] {
  const families = (spec?.ipFamilies ?? []).filter(isAddressType);
  if (families.length > 0) return families;
  if (spec?.clusterIP === undefined || spec.clusterIP === '' || spec.clusterIP === 'None') return ['IPv4', 'IPv6'];
  return [isIPv6(spec.clusterIP) ? 'IPv6' : 'IPv4'];
}

function isAddressType(family: string): family is AddressType {
  return family === 'IPv4' || family === 'IPv6';
}

/** The endpoints of one family. */
export function desiredEndpoints({ service, pods, node }: World, addressType: AddressType): DesiredEndpoints {
  const groups = new Map<string, PortGroup>();
  const missingNodes = new Set<string>();
  for (const pod of pods) {
    const addresses = addressesOf(pod).filter((ip) => isIPv6(ip) === (addressType === 'IPv6'));
    const ports = portsOf(service, pod);
    if (addresses.length === 0 || !ports) continue;
    const nodeName = pod.spec?.nodeName ?? '';
    const host = nodeName === '' ? undefined : node(nodeName);
    if (nodeName !== '' && !host && service.spec?.publishNotReadyAddresses !== true) {
      missingNodes.add(nodeName);
      continue;
    }
    const endpoint = endpointOf({ service, pod, host }, addresses);
    const key = portsKey(ports);
    const group = groups.get(key) ?? { ports, endpoints: new Map<string, Endpoint>() };
    group.endpoints.set(endpointKey(endpoint), endpoint);
    groups.set(key, group);
  }
  return { groups, missingNodes };
}

function endpointOf(of: { service: Service; pod: Pod; host: Node | undefined }, addresses: string[]): Endpoint {
  const { service, pod, host } = of;
  const serving = isPodReady(pod);
  const terminating = isBeingDeleted(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = host?.metadata?.labels?.[ZONE_LABEL];
  const hostname = hostnameIn(service, pod);
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    ...(pod.spec?.nodeName && { nodeName: pod.spec.nodeName }),
    ...(zone && { zone }),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: pod.metadata?.uid },
  };
}

/** None if the pod lacks all of them. A headless Service may have no ports at all. */
function portsOf({ spec }: Service, pod: Pod): EndpointPort[] | undefined {
  const wanted = spec?.ports ?? [];
  if (wanted.length === 0) return spec?.clusterIP === 'None' ? [] : undefined;
  const ports = wanted.flatMap((servicePort): EndpointPort[] => {
    const port = portOn(pod, servicePort);
    if (port === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    return [{ name, port, protocol, ...(appProtocol !== undefined && { appProtocol }) }];
  });
  return ports.length === 0 ? undefined : ports;
}

/** The same for the same ports in any order. */
export function portsKey(ports: readonly EndpointPort[] | undefined): string {
  const texts = (ports ?? []).map(({ name = '', protocol = 'TCP', port, appProtocol }) =>
    JSON.stringify([name, protocol, port, appProtocol]),
  );
  return texts.sort().join(';');
}

/** What stays the same while the state of an endpoint changes. */
export function endpointKey({ addresses, targetRef }: Endpoint): string {
  return `${targetRef?.namespace}/${targetRef?.name} ${addresses.toSorted().join(' ')}`;
}
