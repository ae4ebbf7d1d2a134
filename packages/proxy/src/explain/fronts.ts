import { endpointText, type ProxyEndpoint, type TrafficPolicy } from '../endpoints.ts';
import type { ServicePort } from '../service-map.ts';

/** An address and port at which a service port is to be reached, and what becomes of traffic to it. */
export interface Front {
  readonly kind: 'cluster IP' | 'external IP' | 'load balancer IP' | 'node port';
  /** `address:port`; for a node port `NODE:port`. */
  readonly at: string;
  readonly address: string | undefined;
  readonly port: number;
  readonly policy: TrafficPolicy;
  readonly endpoints: readonly ProxyEndpoint[];
  /** What happens if there is no endpoint. */
  readonly otherwise: 'refused' | 'dropped';
}

export function frontsOf(port: ServicePort): readonly Front[] {
  const front = (kind: Front['kind'], address: string | undefined, number = port.port): Front => {
    const policy = kind === 'cluster IP' ? port.internalTrafficPolicy : port.externalTrafficPolicy;
    return {
      kind,
      at: address === undefined ? `NODE:${number}` : endpointText({ address, port: number }),
      address,
      port: number,
      policy,
      endpoints: policy === 'Local' ? port.localEndpoints : port.clusterEndpoints,
      otherwise: port.clusterEndpoints.length + port.localEndpoints.length > 0 ? 'dropped' : 'refused',
    };
  };
  return [
    ...port.clusterIPs.map((address) => front('cluster IP', address)),
    ...port.externalIPs.map((address) => front('external IP', address)),
    ...port.loadBalancerIPs.map((address) => front('load balancer IP', address)),
    ...(port.nodePort === undefined ? [] : [front('node port', undefined, port.nodePort)]),
  ];
}
