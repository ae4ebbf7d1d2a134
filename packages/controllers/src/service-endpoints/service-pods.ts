import { findCondition, isIPv6, isPodReady, isPodTerminal, nameOf, namespaceOf, parseTime } from '@keelson/api';
import type { Container, Pod, Service, ServicePort } from '@keelson/api/core/v1';
import { fromInformer, type Informer, type NamespacedName, type Source } from '@keelson/controller-runtime';

/** Empty on slices and Endpoints of Services without a cluster IP. */
export const HEADLESS_LABEL = 'service.kubernetes.io/headless';
export const TRIGGER_TIME_ANNOTATION = 'endpoints.kubernetes.io/last-change-trigger-time';

/** True for Services whose endpoints are worked out from pods. */
export function hasPods({ spec }: Service): boolean {
  return spec?.selector !== undefined && spec.type !== 'ExternalName';
}

export function hasClusterIp({ spec }: Service): boolean {
  return (spec?.clusterIP ?? '') !== '' && spec?.clusterIP !== 'None';
}

/** An empty selector selects every pod. */
export function selects({ spec }: Service, { metadata }: Pod): boolean {
  const labels = metadata?.labels ?? {};
  const selector = spec?.selector ?? {};
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}

/** The pods of a Service that have an address and may run. */
export function podsOf(service: Service, pods: Informer<Pod>): readonly Pod[] {
  return pods.list(namespaceOf(service)).filter((pod) => isShown(pod) && selects(service, pod));
}

/** Endpoints show what has an address and may run. */
function isShown(pod: Pod): boolean {
  return hasAddress(pod) && !isPodTerminal(pod);
}

function hasAddress(pod: Pod): boolean {
  return addressesOf(pod).length > 0;
}

/**
 * No endpoint may be on the loopback interface, as pods in the network of a node are where the whole cluster is on one machine: those are left out,
 * so that they do not keep out the others.
 */
export function addressesOf({ status }: Pod): readonly string[] {
  const { podIP = '', podIPs = [] } = status ?? {};
  const addresses = podIPs.length > 0 ? podIPs.map(({ ip }) => ip) : [podIP];
  return addresses.filter((ip) => ip !== '' && !ip.startsWith('127.') && ip !== '::1');
}

/** What endpoints are made of, worked out once for each state of a pod: Services with many pods look at all of them each time. */
export interface PodFacts {
  readonly addresses: Readonly<Record<'IPv4' | 'IPv6', readonly string[]>>;
  readonly isReady: boolean;
  /** When its readiness last changed, in milliseconds since the epoch. */
  readonly readinessMs: number | undefined;
}

/** Pods come frozen out of caches, so what was worked out holds for as long as the object lives. */
const knownFacts = new WeakMap<Pod, PodFacts>();

export function factsOf(pod: Pod): PodFacts {
  const known = knownFacts.get(pod);
  if (known) return known;
  const addresses = addressesOf(pod);
  const facts = {
    addresses: { IPv4: addresses.filter((ip) => !isIPv6(ip)), IPv6: addresses.filter((ip) => isIPv6(ip)) },
    isReady: isPodReady(pod),
    readinessMs: parseTime(findCondition(pod.status?.conditions, 'Ready')?.lastTransitionTime),
  };
  knownFacts.set(pod, facts);
  return facts;
}

/** A port of a Service as it is on a pod. */
export interface PodPort extends Pick<ServicePort, 'name' | 'appProtocol'> {
  readonly port: number;
  readonly protocol: string;
}

/** The ports of a Service on a pod; `undefined` if the pod lacks all of them. A headless Service may have none at all. */
export function portsOnPod({ spec }: Service, pod: Pod): readonly PodPort[] | undefined {
  const wanted = spec?.ports ?? [];
  if (wanted.length === 0) return spec?.clusterIP === 'None' ? [] : undefined;
  const ports = wanted.flatMap((servicePort): PodPort[] => {
    const port = portOn(pod, servicePort);
    const { name, protocol = 'TCP', appProtocol } = servicePort;
    return port === undefined ? [] : [{ name, port, protocol, appProtocol }];
  });
  return ports.length === 0 ? undefined : ports;
}

/** `undefined` if the pod has no port of the name that is wanted. */
function portOn(pod: Pod, { targetPort, port, protocol = 'TCP' }: ServicePort): number | undefined {
  const wanted = targetPort ?? port;
  if (typeof wanted === 'number') return wanted === 0 ? port : wanted;
  if (wanted === '') return port;
  const sidecars = pod.spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === 'Always') ?? [];
  return namedPort([...sidecars, ...(pod.spec?.containers ?? [])], wanted, protocol);
}

function namedPort(containers: readonly Container[], name: string, protocol: string): number | undefined {
  for (const { ports = [] } of containers) {
    const found = ports.find((port) => port.name === name && (port.protocol ?? 'TCP') === protocol);
    if (found) return found.containerPort;
  }
  return undefined;
}

/** The name under which DNS shall know the pod within a headless Service. */
export function hostnameIn(service: Service, { spec }: Pod): string | undefined {
  return spec?.hostname && spec.subdomain === nameOf(service) ? spec.hostname : undefined;
}

export function isBeingDeleted({ metadata }: Pod): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

/** The keys of the Services that select a pod, whenever something of it changes that endpoints show. */
export function servicesOfPods(pods: Informer<Pod>, services: Informer<Service>): Source {
  return fromInformer(
    pods,
    (pod) => servicesOf(pod, services),
    (delta) => {
      if (delta.type !== 'updated') return isShown(delta.object);
      return (isShown(delta.old) || isShown(delta.object)) && hasChanged(delta.old, delta.object);
    },
  );
}

export function servicesOf(pod: Pod, services: Informer<Service>): readonly NamespacedName[] {
  const namespace = namespaceOf(pod);
  const selecting = services.list(namespace).filter((service) => hasPods(service) && selects(service, pod));
  return selecting.map((service) => ({ namespace, name: nameOf(service) }));
}

function hasChanged(old: Pod, pod: Pod): boolean {
  return endpointFacts(old) !== endpointFacts(pod);
}

function endpointFacts(pod: Pod): string {
  const { metadata, spec } = pod;
  const labels = Object.entries(metadata?.labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([
    labels,
    addressesOf(pod),
    spec?.nodeName,
    spec?.hostname,
    spec?.subdomain,
    isBeingDeleted(pod),
    isPodTerminal(pod),
    isPodReady(pod),
  ]);
}
