import type { Endpoints, EndpointSubset, LoadBalancerStatus, Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { IPAddress, Ingress, IngressClass } from '@keelson/api/networking/v1';
import { limitedList, NONE, UNKNOWN, UNSET, type Cell } from './cell.ts';

const MAX_SHOWN = 3;

function svcPorts({ spec }: Service): string {
  const ports = (spec?.ports ?? []).map(
    ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`,
  );
  return ports.join(',') || NONE;
}

function svcExternalIP({ spec, status }: Service): string {
  const externalIPs = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return externalIPs.join(',') || NONE;
    case 'LoadBalancer':
      return [...balancerAddresses(status?.loadBalancer), ...externalIPs].join(',') || '<pending>';
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return UNKNOWN;
  }
}

/** Each address once, sorted. */
function balancerAddresses(status: LoadBalancerStatus | undefined): string[] {
  const addresses = (status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  return [...new Set(addresses.filter((address) => address !== ''))].sort();
}

function lbAddress({ status }: Ingress): string {
  return balancerAddresses(status?.loadBalancer as LoadBalancerStatus | undefined).join(',');
}

function ingressHosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const hosts = rules.flatMap(({ host }) => (host ? [host] : []));
  if (hosts.length === 0) return '*';
  const shown = hosts.slice(0, MAX_SHOWN).join(',');
  return hosts.length >= MAX_SHOWN && rules.length > MAX_SHOWN ? `${shown} + ${rules.length - MAX_SHOWN} more...` : shown;
}

function ingressClassParams({ spec }: IngressClass): string {
  const parameters = spec?.parameters;
  if (!parameters) return NONE;
  return `${parameters.kind}${parameters.apiGroup ? `.${parameters.apiGroup}` : ''}/${parameters.name}`;
}

function endpoints({ subsets }: Endpoints): string {
  if (!subsets || subsets.length === 0) return NONE;
  return limitedList(subsets.flatMap(subsetAddresses), MAX_SHOWN);
}

function subsetAddresses({ addresses = [], ports = [] }: EndpointSubset): string[] {
  if (ports.length === 0) return addresses.map(({ ip }) => ip);
  return ports.flatMap(({ port }) => addresses.map(({ ip }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`)));
}

function slicePorts({ ports }: EndpointSlice): string {
  const texts = (ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? '*') : `${port}`));
  return limitedList(texts, MAX_SHOWN) || UNSET;
}

function sliceEndpoints(slice: EndpointSlice): string {
  return (
    limitedList(
      (slice.endpoints ?? []).flatMap(({ addresses }) => addresses ?? []),
      MAX_SHOWN,
    ) || UNSET
  );
}

function ipParentRef({ spec }: IPAddress): string {
  const parent = spec?.parentRef;
  if (!parent) return NONE;
  const resource = `${parent.resource}${parent.group ? `.${parent.group}` : ''}`;
  return `${resource}/${parent.namespace ? `${parent.namespace}/` : ''}${parent.name}`;
}

export const NETWORK_CELLS: Readonly<Record<string, Cell>> = {
  svcPorts,
  svcExternalIP,
  lbAddress,
  ingressHosts,
  ingressPorts: ({ spec }: Ingress) => (spec?.tls && spec.tls.length > 0 ? '80, 443' : '80'),
  ingressClassParams,
  endpoints,
  slicePorts,
  sliceEndpoints,
  ipParentRef,
};
