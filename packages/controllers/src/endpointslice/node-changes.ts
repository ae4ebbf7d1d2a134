import { deepEqual, nameOf, namespaceOf } from '@keelson/api';
import type { Node, Pod, Service } from '@keelson/api/core/v1';
import { fromInformer, type Delta, type Informer, type NamespacedName, type Source } from '@keelson/controller-runtime';
import { servicesOf } from '../service-endpoints/service-pods.ts';
import { ZONE_LABEL } from './desired-endpoints.ts';
import { cpusOf, wantsZoneHints } from './zone-hints.ts';

const BY_NODE = 'spec.nodeName';

interface Informers {
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
}

/** The Services that have pods on a node which comes, goes or moves to another zone. */
export function changesOfNodes({ nodes, pods, services }: Informers): Source {
  pods.addIndexer(BY_NODE, ({ spec }) => (spec?.nodeName ? [spec.nodeName] : []));
  const concerned = (node: Node): readonly NamespacedName[] =>
    pods.byIndex(BY_NODE, nameOf(node)).flatMap((pod) => servicesOf(pod, services));
  return fromInformer(nodes, concerned, isNews);
}

/** The Services whose endpoints are shared out among zones, whenever zones have more or fewer CPUs than before. */
export function changesOfZones({ nodes, services }: Pick<Informers, 'nodes' | 'services'>): Source {
  const concerned = (): readonly NamespacedName[] =>
    services
      .list()
      .filter(wantsZoneHints)
      .map((service) => ({ name: nameOf(service), namespace: namespaceOf(service) }));
  return fromInformer(nodes, concerned, changesShares);
}

function changesShares(delta: Delta<Node>): boolean {
  if (delta.type === 'added') return !delta.initial;
  return delta.type === 'deleted' || !deepEqual(cpusOf(delta.old), cpusOf(delta.object));
}

/** Those that are there at the start are not: each Service is looked at then. */
function isNews(delta: Delta<Node>): boolean {
  if (delta.type === 'added') return !delta.initial;
  return delta.type === 'deleted' || zoneOf(delta.old) !== zoneOf(delta.object);
}

function zoneOf({ metadata }: Node): string | undefined {
  return metadata?.labels?.[ZONE_LABEL];
}
