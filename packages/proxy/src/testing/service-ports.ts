import type { ServicePort } from '../service-map.ts';
import { SnapshotMap } from '../snapshot-map.ts';

/** What is different from a plain service port. Endpoints are `address:port`; those of `local` are on this node. */
export type ServicePortSketch = Partial<ServicePort> & {
  readonly endpoints?: readonly string[];
  readonly local?: readonly string[];
};

/** A service port as the map would hold it: TCP port 80 of 10.96.0.10, unless the sketch says otherwise. */
export function servicePort(sketch: ServicePortSketch = {}): ServicePort {
  const { endpoints = [], local = [], ...rest } = sketch;
  const parse = (text: string) => {
    const at = text.lastIndexOf(':');
    const address = text.slice(0, at).replaceAll(/[[\]]/g, '');
    return { address, port: Number(text.slice(at + 1)), local: local.includes(text) };
  };
  return {
    key: 'default/web:http',
    namespace: 'default',
    name: 'web',
    portName: 'http',
    protocol: 'TCP',
    port: 80,
    clusterIPs: ['10.96.0.10'],
    externalIPs: [],
    loadBalancerIPs: [],
    loadBalancerSourceRanges: [],
    nodePort: undefined,
    healthCheckNodePort: undefined,
    affinitySeconds: undefined,
    internalTrafficPolicy: 'Cluster',
    externalTrafficPolicy: 'Cluster',
    clusterEndpoints: endpoints.map(parse),
    localEndpoints: local.map(parse),
    localTerminating: false,
    ...rest,
  };
}

export function mapOf(...ports: readonly ServicePort[]): SnapshotMap<ServicePort> {
  return SnapshotMap.empty<ServicePort>().with(ports.map((port) => [port.key, port]));
}
