import type { Service, ServicePort } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import type { BackendRef } from '../routing/build-routes.ts';
import type { BackendState, Endpoint } from './backend.ts';

const H2C = ['kubernetes.io/h2c', 'grpc'];

/** What a backend is now, or in words for users why it is nothing. */
export type ResolvedBackend = { readonly state: BackendState } | { readonly problem: string };

/** Pure: the endpoints of a Service's port: those that are ready; if none is, those that still serve while they end. */
export function resolveBackend(ref: BackendRef, service: Service | undefined, slices: readonly EndpointSlice[]): ResolvedBackend {
  const where = `Service "${ref.namespace}/${ref.service}"`;
  if (!service) return { problem: `${where} does not exist` };
  if (service.spec?.type === 'ExternalName') return { problem: `${where} is an ExternalName, which has no endpoints` };
  const port = service.spec?.ports?.find(({ name, port: number }) => name === ref.port || number === ref.port);
  if (!port) return { problem: `${where} has no port "${ref.port}"` };
  return { state: { endpoints: endpointsOf(port, slices), protocol: H2C.includes(port.appProtocol ?? '') ? 'h2c' : 'http' } };
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
