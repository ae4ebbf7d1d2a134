import { isIPv6, nameOf, namespaceOf } from '@keelson/api';
import type { Node, Pod, Service } from '@keelson/api/core/v1';
import type { Endpoint, EndpointHints, EndpointPort } from '@keelson/api/discovery/v1';
import { factsOf, hostnameIn, isBeingDeleted, portsOnPod } from '../service-endpoints/service-pods.ts';

/** Ways to distribute traffic by which it rather stays in a zone. */
const NEAR = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
export const ZONE_LABEL = 'topology.kubernetes.io/zone';

export type AddressType = 'IPv4' | 'IPv6';

/** Endpoints that have the same ports, by `endpointKey`. */
export interface PortGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** By `portsKey`. */
export type DesiredEndpoints = ReadonlyMap<string, PortGroup>;

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

/** The endpoints of one family. Pods of nodes that are not there are left out until they are, unless the Service publishes all. */
export function desiredEndpoints({ service, pods, node }: World, addressType: AddressType): DesiredEndpoints {
  const groups = new Map<string, PortGroup>();
  const portsOn = portsFor(service);
  for (const pod of pods) {
    const addresses = factsOf(pod).addresses[addressType];
    const found = portsOn(pod);
    if (addresses.length === 0 || !found) continue;
    const { ports, key } = found;
    const nodeName = pod.spec?.nodeName ?? '';
    const host = nodeName === '' ? undefined : node(nodeName);
    if (nodeName !== '' && !host && service.spec?.publishNotReadyAddresses !== true) continue;
    const endpoint = endpointOf({ service, pod, host }, [...addresses]);
    let group = groups.get(key);
    if (!group) {
      group = { ports, endpoints: new Map<string, Endpoint>() };
      groups.set(key, group);
    }
    group.endpoints.set(endpointKey(endpoint), endpoint);
  }
  return groups;
}

function endpointOf(of: { service: Service; pod: Pod; host: Node | undefined }, addresses: string[]): Endpoint {
  const { service, pod, host } = of;
  const { isReady: serving } = factsOf(pod);
  const terminating = isBeingDeleted(pod);
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = host?.metadata?.labels?.[ZONE_LABEL];
  const hostname = hostnameIn(service, pod);
  const nodeName = pod.spec?.nodeName;
  const hints = ready ? nearHints(service, { zone, nodeName }) : undefined;
  return {
    addresses,
    conditions: { ready, serving, terminating },
    ...(hostname !== undefined && { hostname }),
    ...(nodeName && { nodeName }),
    ...(zone && { zone }),
    ...(hints && { hints }),
    targetRef: { kind: 'Pod', namespace: namespaceOf(pod), name: nameOf(pod), uid: pod.metadata?.uid },
  };
}

/** For whom an endpoint is, where the Service wants traffic to stay near. Clients take hints only if all ready endpoints have some. */
function nearHints(
  { spec }: Service,
  { zone, nodeName }: { readonly zone: string | undefined; readonly nodeName: string | undefined },
): EndpointHints | undefined {
  const mode = spec?.trafficDistribution ?? '';
  const forZones = NEAR.includes(mode) && zone ? { forZones: [{ name: zone }] } : undefined;
  const forNodes = mode === 'PreferSameNode' && nodeName ? { forNodes: [{ name: nodeName }] } : undefined;
  return forZones || forNodes ? { ...forZones, ...forNodes } : undefined;
}

interface Ports {
  readonly ports: EndpointPort[];
  readonly key: string;
}

/** The same for all pods, unless a port is named after one of the pod's. */
function portsFor(service: Service): (pod: Pod) => Ports | undefined {
  const on = (pod: Pod): Ports | undefined => {
    const ports = portsOf(service, pod);
    return ports && { ports, key: portsKey(ports) };
  };
  if (service.spec?.ports?.some(({ targetPort }) => typeof targetPort === 'string')) return on;
  const same = on({});
  return () => same;
}

function portsOf(service: Service, pod: Pod): EndpointPort[] | undefined {
  return portsOnPod(service, pod)?.map(({ name = '', protocol, port, appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol !== undefined && { appProtocol }),
  }));
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
  const all = addresses.length === 1 ? addresses[0] : addresses.toSorted().join(' ');
  return `${targetRef?.namespace}/${targetRef?.name} ${all}`;
}
