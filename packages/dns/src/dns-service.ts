import { isIPv6 } from 'node:net';
import { deepEqual } from '@keelson/api';
import { Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { isReason, type Clock, type Logger, type Runnable } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  Controller,
  createOrUpdate,
  everyMs,
  fromInformer,
  type Informer,
  type InformerFactory,
} from '@keelson/controller-runtime';

export interface DnsServiceDependencies {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface DnsServiceOptions {
  /** What pods have as their name server. */
  readonly clusterIp: string;
  /** The node that the server runs on. */
  readonly nodeName: string;
  /** Where pods reach the server. */
  readonly address: string;
  readonly port: number;
  readonly metricsPort: number;
}

const NAMESPACE = 'kube-system';
const NAME = 'kube-dns';
const KEY = { namespace: NAMESPACE, name: NAME };
/** A Service that is made by somebody else after ours was deleted is met without an event of ours. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Keeps the Service `kube-system/kube-dns` and an EndpointSlice of it, which lead pods to a `DnsServer` of this process. A Service of that name
 * with a selector is somebody else's, such as CoreDNS': then nothing is written. Ask for it before the informers start.
 */
export function dnsServiceController(deps: DnsServiceDependencies, options: () => DnsServiceOptions): Runnable {
  const { client, informers, clock, logger } = deps;
  const services = informers.for(Service);
  const slices = informers.for(EndpointSlice);
  const isOurs = (labels: Readonly<Record<string, string>> | undefined): boolean =>
    labels?.['kubernetes.io/service-name'] === NAME;
  return new Controller({
    name: 'dns-service',
    clock,
    logger,
    reconciler: { reconcile: () => reconcile({ client, services, slices }, options()) },
    sources: [
      everyMs(clock, LOOK_AGAIN_MS, () => [KEY]),
      fromInformer(services, ({ metadata }) => (metadata?.name === NAME && metadata.namespace === NAMESPACE ? [KEY] : [])),
      fromInformer(slices, ({ metadata }) => (isOurs(metadata?.labels) && metadata?.namespace === NAMESPACE ? [KEY] : [])),
    ],
  });
}

interface Known {
  readonly client: Client;
  readonly services: Informer<Service>;
  readonly slices: Informer<EndpointSlice>;
}

async function reconcile({ client, services, slices }: Known, options: DnsServiceOptions): Promise<void> {
  const service = services.get(NAME, NAMESPACE) ?? (await createService(client, options));
  if (!service || service.spec?.selector) return;
  const wanted = wantedSlice(options);
  const name = wanted.metadata?.name ?? '';
  const known = slices.get(name, NAMESPACE);
  if (known && deepEqual([known.addressType, known.endpoints, known.ports], [wanted.addressType, wanted.endpoints, wanted.ports]))
    return;
  // The type of addresses cannot be changed.
  if (known && known.addressType !== wanted.addressType)
    await client.resource(EndpointSlice).delete({ name, namespace: NAMESPACE });
  await createOrUpdate(client, EndpointSlice, { name, namespace: NAMESPACE }, (present) => ({
    ...wanted,
    metadata: { ...present?.metadata, ...wanted.metadata, labels: { ...present?.metadata?.labels, ...wanted.metadata?.labels } },
  }));
}

async function createService(client: Client, { clusterIp }: DnsServiceOptions): Promise<Service | undefined> {
  try {
    return await client.resource(Service).create(wantedService(clusterIp));
  } catch (error) {
    // Its event is on the way.
    if (isReason(error, 'AlreadyExists')) return undefined;
    throw error;
  }
}

function wantedService(clusterIP: string): Service {
  const labels = { 'k8s-app': NAME, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' };
  const annotations = { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' };
  return {
    metadata: { ...KEY, labels, annotations },
    spec: {
      clusterIP,
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP' },
        { name: 'dns-tcp', port: 53, protocol: 'TCP' },
        { name: 'metrics', port: 9153, protocol: 'TCP' },
      ],
    },
  };
}

function wantedSlice({ address, port, metricsPort, nodeName }: DnsServiceOptions): EndpointSlice {
  const labels = {
    'kubernetes.io/service-name': NAME,
    'endpointslice.kubernetes.io/managed-by': 'dns-service.keelson',
    'k8s-app': NAME,
  };
  return {
    metadata: { name: `${NAME}-${nodeName}`, namespace: NAMESPACE, labels },
    addressType: isIPv6(address) ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [address], nodeName, conditions: { ready: true, serving: true, terminating: false } }],
    ports: [
      { name: 'dns', port, protocol: 'UDP' },
      { name: 'dns-tcp', port, protocol: 'TCP' },
      { name: 'metrics', port: metricsPort, protocol: 'TCP' },
    ],
  };
}
