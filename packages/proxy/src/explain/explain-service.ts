import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { endpointText, findCandidates } from '../endpoints.ts';
import type { ProxyModeName } from '../modes.ts';
import { PROXY_NAME_LABEL, servicePortsOf, type IpFamily, type ServiceMapOptions, type ServicePort } from '../service-map.ts';
import { explainEndpoints } from './explain-endpoints.ts';
import { frontsOf, type Front } from './fronts.ts';
import { MODE_PATHS } from './mode-paths.ts';

export interface ExplainOptions extends ServiceMapOptions {
  readonly mode: ProxyModeName;
}

export interface Explained {
  readonly service: Service;
  /** Those of the Service; others are left out. */
  readonly slices: readonly EndpointSlice[];
}

/**
 * The path that a packet to a Service takes on a node, for reading: from each of its addresses, over what the mode puts there, to which
 * endpoints; and why the others are left out.
 */
export function explainService({ service, slices }: Explained, options: ExplainOptions): string {
  const { nodeName, zone, mode, family = 'IPv4' } = options;
  const { namespace, name } = service.metadata ?? {};
  const place = `node "${nodeName}"${zone ? ` in zone "${zone}"` : ''}`;
  const head = `Service ${namespace}/${name} (${service.spec?.type ?? 'ClusterIP'}), ${family}, on ${place} by ${mode}`;
  const why = notServed(service, family);
  if (why !== undefined) return `${head}\n\nNot served: ${why}\n`;
  const ports = servicePortsOf(service, slices, options);
  return `${[head, ...ports.map((port) => explainPort(port, slices, options))].join('\n\n')}\n`;
}

function notServed({ spec, metadata }: Service, family: IpFamily): string | undefined {
  const label = metadata?.labels?.[PROXY_NAME_LABEL];
  if (label !== undefined) return `the label ${PROXY_NAME_LABEL} leaves it to the proxy "${label}"`;
  if (spec?.type === 'ExternalName') return `it is another name for ${spec.externalName ?? ''}; DNS answers with that`;
  if (spec?.clusterIP === 'None') return 'it is headless: DNS answers with the addresses of its endpoints';
  if (!spec?.clusterIP) return 'it has no cluster IP yet';
  const own = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP]).filter(
    (ip) => ip.includes(':') === (family === 'IPv6'),
  );
  return own.length === 0 ? `it has no ${family} address` : undefined;
}

function explainPort(port: ServicePort, slices: readonly EndpointSlice[], options: ExplainOptions): string {
  const { family = 'IPv4', nodeName, zone, mode } = options;
  const { portName, protocol } = port;
  const candidates = findCandidates({ slices, family, nodeName, zone, portName, protocol });
  const endpoints = explainEndpoints(candidates, { nodeName, zone });
  const affinity = port.affinitySeconds === undefined ? '' : `, clients stay for ${port.affinitySeconds} s`;
  return [
    `Port ${portName || '(no name)'}: ${protocol} ${port.port}${affinity}`,
    ...frontsOf(port).flatMap((front) => [`  ${front.at} (${front.kind})`, ...explainFront(port, front, { mode, family })]),
    '  Endpoints',
    ...(endpoints.length === 0 ? [`    none in ${slices.length} EndpointSlices`] : []),
    ...endpoints.map(
      ({ endpoint, used, usedLocally, why }) => `    ${endpoint}: ${used || usedLocally ? 'used' : 'left out'}: ${why}`,
    ),
  ].join('\n');
}

function explainFront(port: ServicePort, front: Front, { mode, family }: { mode: ProxyModeName; family: IpFamily }): string[] {
  const { endpoints, policy, otherwise, kind } = front;
  const ranges = kind === 'load balancer IP' ? port.loadBalancerSourceRanges : [];
  const isExternal = kind !== 'cluster IP';
  return [
    `    policy ${policy}${isExternal ? (policy === 'Cluster' ? ': sent on with the address of the node' : ': keeps the address of the client') : ''}`,
    ...(ranges.length > 0 ? [`    only from ${ranges.join(', ')}; others are dropped`] : []),
    ...MODE_PATHS[mode](port, front, family).map((line) => `    ${line}`),
    endpoints.length > 0
      ? `    → ${endpoints.map(endpointText).join(' or ')}`
      : `    → ${otherwise}: ${otherwise === 'refused' ? 'no endpoint is ready' : 'no endpoint is on this node, and the policy is Local'}`,
  ];
}
