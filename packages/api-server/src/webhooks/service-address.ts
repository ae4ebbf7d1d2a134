import type { Service } from '@keelson/api/core/v1';
import type { EndpointSlice } from '@keelson/api/discovery/v1';
import { KeelsonError } from '@keelson/base';
import type { Services } from '../verbs/call.ts';

type Sources = Pick<Services, 'registry' | 'storages'>;

/** Where a service is reached by TCP. */
export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
}

/** Finds an endpoint of a service that is ready: the API server need not be where service addresses lead anywhere. */
export async function serviceAddress(
  sources: Sources,
  { namespace, name, port }: { readonly namespace: string; readonly name: string; readonly port: number },
): Promise<ServiceAddress> {
  const service = await find(sources, namespace, name);
  const wanted = service?.spec?.ports?.find((each) => each.port === port);
  if (!service) throw new KeelsonError('NotFound', `service "${name}" not found`);
  if (service.spec?.type === 'ExternalName') return { host: service.spec.externalName ?? '', port };
  if (!wanted) throw new KeelsonError('ServiceUnavailable', `no service port ${port} found for service "${name}"`);
  for (const { ports, endpoints } of shuffled(await slicesOf(sources, namespace, name))) {
    const target = ports?.find((each) => (each.name ?? '') === (wanted.name ?? ''))?.port;
    const [ready] = shuffled((endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false));
    const host = ready?.addresses[0];
    if (host !== undefined && target !== undefined) return { host, port: target };
  }
  throw new KeelsonError('ServiceUnavailable', `no endpoints available for service "${name}"`);
}

async function find({ registry, storages }: Sources, namespace: string, name: string): Promise<Readonly<Service> | undefined> {
  const definition = registry.find('', 'v1', 'services');
  const item = definition && (await storages.of(definition).cached(namespace, name));
  return item?.object() as Readonly<Service> | undefined;
}

async function slicesOf(
  { registry, storages }: Sources,
  namespace: string,
  name: string,
): Promise<readonly Readonly<EndpointSlice>[]> {
  const definition = registry.find('discovery.k8s.io', 'v1', 'endpointslices');
  if (!definition) return [];
  const { cache } = storages.of(definition);
  await cache.ready();
  return cache
    .list(namespace)
    .map((item) => item.object() as Readonly<EndpointSlice>)
    .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name);
}

/** In an order of chance, so that requests are spread. */
function shuffled<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
