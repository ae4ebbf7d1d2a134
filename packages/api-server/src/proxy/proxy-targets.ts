import { Node, Pod, Service, type ServicePort } from '@keelson/api/core/v1';
import { EndpointSlice, type Endpoint } from '@keelson/api/discovery/v1';
import { KeelsonError } from '@keelson/base';
import { createClient, type Client } from '@keelson/client';
import type { Transport } from '@keelson/client';
import { isProxyableAddress } from './proxyable-address.ts';
import { parseTargetName, type TargetName } from './target-name.ts';

/** Where a proxy request goes. */
export type ProxyTarget =
  | { readonly type: 'address'; readonly scheme: 'http' | 'https'; readonly host: string; readonly port: number }
  | { readonly type: 'kubelet'; readonly node: Node };

/** Finds out where pods, services and nodes are reached. */
export class ProxyTargets {
  readonly #client: Client;

  /** `transport` reads pods, services, endpoints and nodes. */
  constructor(transport: Transport) {
    this.#client = createClient(transport);
  }

  /** `id` is `name`, `name:port` or `scheme:name:port`. `BadRequest` if it is not, or if the pod has no address. */
  async pod(namespace: string, id: string): Promise<ProxyTarget> {
    const { scheme, name, port } = nameOf('pod', id);
    const pod = await this.#client.resource(Pod).get({ name, namespace });
    const host = pod.status?.podIP ?? '';
    if (!isProxyableAddress(host)) throw new KeelsonError('BadRequest', 'address not allowed');
    return address(scheme, host, port === '' ? firstPort(pod) : port);
  }

  /** A port is given by its name or its number; without one, the service's port without a name is meant. */
  async service(namespace: string, id: string): Promise<ProxyTarget> {
    const { scheme, name, port } = nameOf('service', id);
    const service = await this.#client.resource(Service).get({ name, namespace });
    const portName = portNameOf(service, port);
    const labelSelector = `kubernetes.io/service-name=${name}`;
    const { items } = await this.#client.resource(EndpointSlice).list({ namespace, labelSelector });
    if (items.every(({ endpoints }) => (endpoints ?? []).length === 0)) throw noEndpoints(name);
    for (const slice of shuffled(items)) {
      const found = (slice.ports ?? []).find((each) => (each.name ?? '') === portName)?.port;
      const host = found === undefined ? undefined : await this.#addressIn(namespace, slice.endpoints ?? []);
      if (host !== undefined) return address(scheme, host, String(found));
    }
    throw noEndpoints(id);
  }

  /** The node's kubelet, or another port of the node. */
  async node(id: string): Promise<ProxyTarget> {
    const { scheme, name, port } = nameOf('node', id);
    const node = await this.#client.resource(Node).get({ name });
    const kubeletPort = node.status?.daemonEndpoints?.kubeletEndpoint?.Port;
    if (port === '' || port === String(kubeletPort)) return { type: 'kubelet', node };
    const host = node.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
    if (!isProxyableAddress(host)) throw new KeelsonError('BadRequest', 'address not allowed');
    return address(scheme, host, port);
  }

  /** The address of an endpoint that is ready and belongs to a pod that has it: endpoints alone may say anything. */
  async #addressIn(namespace: string, endpoints: readonly Endpoint[]): Promise<string | undefined> {
    const ready = endpoints.filter(({ conditions }) => conditions?.ready !== false);
    for (const { addresses, targetRef } of shuffled(ready)) {
      const [host] = addresses;
      if (host === undefined || targetRef?.name === undefined || (targetRef.namespace ?? namespace) !== namespace) continue;
      const pod = await this.#client.resource(Pod).find({ name: targetRef.name, namespace });
      const isOfPod = (pod?.status?.podIPs ?? []).some(({ ip }) => ip === host);
      if (isOfPod && isProxyableAddress(host)) return host;
    }
    return undefined;
  }
}

function nameOf(kind: string, id: string): TargetName {
  const name = parseTargetName(id);
  if (!name) throw new KeelsonError('BadRequest', `invalid ${kind} request ${JSON.stringify(id)}`);
  return name;
}

function address(scheme: TargetName['scheme'], host: string, port: string): ProxyTarget {
  const usual = scheme === 'https' ? 443 : 80;
  const number = port === '' ? usual : Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw new KeelsonError('ServiceUnavailable', `error trying to reach service: dial tcp: lookup tcp/${port}: unknown port`);
  }
  return { type: 'address', scheme: scheme === '' ? 'http' : scheme, host, port: number };
}

function firstPort({ spec }: Pod): string {
  for (const { ports = [] } of spec?.containers ?? []) if (ports[0]) return String(ports[0].containerPort);
  return '';
}

function portNameOf({ metadata, spec }: Service, port: string): string {
  if (!/^\d+$/.test(port)) return port;
  const found = spec?.ports?.find((each: ServicePort) => each.port === Number(port));
  if (found) return found.name ?? '';
  throw new KeelsonError('ServiceUnavailable', `no service port ${port} found for service ${JSON.stringify(metadata?.name)}`);
}

function noEndpoints(id: string): KeelsonError {
  return new KeelsonError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(id)}`);
}

/** In an order of chance, so that requests are spread. */
function shuffled<T>(items: readonly T[]): T[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}
