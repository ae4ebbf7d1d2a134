import { findCondition, isPodReady, isPodTerminal, nameOf, namespaceOf } from '@keelson/api';
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
  return pods
    .list(namespaceOf(service))
    .filter((pod) => selects(service, pod) && !isPodTerminal(pod) && addressesOf(pod).length > 0);
}

export function addressesOf({ status }: Pod): readonly string[] {
  if (status?.podIPs && status.podIPs.length > 0) return status.podIPs.map(({ ip }) => ip);
  return status?.podIP ? [status.podIP] : [];
}

/** The number that a port of a Service has on a pod; `undefined` if the pod has no port of that name. */
export function portOn(pod: Pod, { targetPort, port, protocol = 'TCP' }: ServicePort): number | undefined {
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
    (delta) => delta.type !== 'updated' || hasChanged(delta.old, delta.object),
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

/** When the readiness of a pod last changed. */
export function readinessTime({ status }: Pod): string | undefined {
  return findCondition(status?.conditions, 'Ready')?.lastTransitionTime;
}
