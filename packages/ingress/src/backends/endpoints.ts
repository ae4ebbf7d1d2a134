import { isIP, type LookupFunction } from 'node:net';
import type { Service, ServicePort } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { BackendRef } from '../routing/build-routes.ts';
import type { BackendState, Endpoint } from './backend.ts';

const H2C = ['kubernetes.io/h2c', 'grpc'];

/** What a backend is now, or in words for users why it is nothing. */
export type ResolvedBackend = { readonly state: BackendState } | { readonly problem: string };

/** What there is of a Service at this moment. */
export interface ServiceNow {
  readonly service: Service | undefined;
  readonly slices: readonly EndpointSlice[];
  /** How names of ExternalNames are resolved; absent if they are not served. */
  readonly lookup?: LookupFunction | undefined;
}

/** Pure: the endpoints of a Service's port: those that are ready; if none is, those that still serve while they end. */
export function resolveBackend(ref: BackendRef, { service, slices, lookup }: ServiceNow): ResolvedBackend {
  const where = `Service "${ref.namespace}/${ref.service}"`;
  if (!service) return { problem: `${where} does not exist` };
  const { externalName = '', type, ports = [] } = service.spec ?? {};
  const port = ports.find(({ name, port: number }) => name === ref.port || number === ref.port);
  if (type === 'ExternalName') {
    const number = port ? externalPort(port) : ref.port;
    if (!lookup) return { problem: `${where} is an ExternalName, and these are not served here` };
    if (isIP(externalName) !== 0) return { problem: `${where} is an ExternalName that is no name: "${externalName}"` };
    if (typeof number !== 'number' || (!port && ports.length > 0)) return { problem: `${where} has no port "${ref.port}"` };
    return { state: { endpoints: [externalEndpoint(externalName, number, lookup)], protocol: protocolOf(port) } };
  }
  if (!port) return { problem: `${where} has no port "${ref.port}"` };
  return { state: { endpoints: endpointsOf(port, slices), protocol: protocolOf(port) } };
}

function protocolOf(port: ServicePort | undefined): BackendState['protocol'] {
  return H2C.includes(port?.appProtocol ?? '') ? 'h2c' : 'http';
}

/** There is no pod whose ports could have names. */
function externalPort({ port, targetPort }: ServicePort): number {
  return typeof targetPort === 'number' ? targetPort : port;
}

function externalEndpoint(name: string, port: number, lookup: LookupFunction): Endpoint {
  const address = name.replace(/\.$/, '');
  return { address, port, authority: `${address}:${port}`, lookup };
}

function endpointsOf({ name = '' }: ServicePort, slices: readonly EndpointSlice[]): readonly Endpoint[] {
  const ready = new Map<string, Endpoint>();
  const ending = new Map<string, Endpoint>();
  for (const { endpoints, ports = [], addressType } of slices) {
    const port = ports.find((each) => (each.name ?? '') === name)?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions = {} } of endpoints ?? []) {
      const [address] = addresses ?? [];
      if (address === undefined) continue;
      const authority = addressType === 'IPv6' ? `[${address}]:${port}` : `${address}:${port}`;
      if (conditions.ready !== false) ready.set(authority, { address, port, authority });
      else if (conditions.serving && conditions.terminating) ending.set(authority, { address, port, authority });
    }
  }
  return [...(ready.size > 0 ? ready : ending).values()];
}
