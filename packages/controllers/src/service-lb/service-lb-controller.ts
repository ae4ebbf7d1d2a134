import { deepEqual, nameOf, namespaceOf } from '@keelson/api';
import { Node, Service, type LoadBalancerIngress } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  keyText,
  namespacedName,
  type EventRecorder,
  type Informer,
  type NamespacedName,
  type Reconciler,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { nodeAddresses } from './node-addresses.ts';

const NAME = 'service-lb-controller';
const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';
const BY_SERVICE = 'service-lb-by-service';

export interface LoadBalancerOptions {
  /** The class that is served beside Services without one. Those of other classes are left alone. */
  readonly loadBalancerClass?: string;
  /** Ports of the nodes' addresses, `PORT/PROTOCOL`, that no Service may take. */
  readonly reservedPorts?: readonly string[];
}

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly services: Informer<Service>;
  readonly nodes: Informer<Node>;
  readonly slices: Informer<EndpointSlice>;
  readonly options: LoadBalancerOptions;
}

/**
 * Load balancers for clusters on bare machines: the nodes themselves. A Service gets the nodes' addresses, and the proxy of each node takes
 * what comes to these on the Service's ports. Of two Services with the same port the older one has it; the other waits.
 */
class ServiceLoadBalancers implements Reconciler {
  readonly #deps: Dependencies;
  /** Told to users, each once. */
  readonly #refusals = new Map<string, string>();

  constructor(deps: Dependencies) {
    this.#deps = deps;
  }

  async reconcile(key: NamespacedName): Promise<void> {
    const service = this.#deps.services.getByKey(keyText(key));
    if (!service) {
      this.#refusals.delete(keyText(key));
      return;
    }
    try {
      if (this.#isWanted(service)) await this.#ensure(service);
      else if (service.metadata?.finalizers?.includes(FINALIZER)) await this.#remove(service);
    } catch (error) {
      // It has gone meanwhile.
      if (!isReason(error, 'NotFound')) throw error;
    }
  }

  #isWanted(service: Service): boolean {
    const { type, loadBalancerClass } = service.spec ?? {};
    if (type !== 'LoadBalancer' || service.metadata?.deletionTimestamp !== undefined) return false;
    return loadBalancerClass === undefined || loadBalancerClass === this.#deps.options.loadBalancerClass;
  }

  async #ensure(service: Service): Promise<void> {
    const { events, nodes, slices } = this.#deps;
    const refusal = this.#refusalOf(service);
    const key = keyText(namespacedName(service));
    if (refusal !== undefined && refusal !== this.#refusals.get(key)) {
      events.event(service, 'Warning', 'SyncLoadBalancerFailed', `Error syncing load balancer: ${refusal}`);
    }
    if (refusal === undefined) this.#refusals.delete(key);
    else this.#refusals.set(key, refusal);
    const wanted = refusal === undefined ? nodeAddresses(service, nodes.list(), slices.byIndex(BY_SERVICE, key)) : [];
    const isKept = service.metadata?.finalizers?.includes(FINALIZER) ?? false;
    if (isKept && deepEqual(service.status?.loadBalancer?.ingress ?? [], wanted)) return;
    if (wanted.length > 0) events.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    const finalizers = isKept ? undefined : [...(service.metadata?.finalizers ?? []), FINALIZER];
    await this.#write(service, wanted, finalizers);
    if (wanted.length > 0) events.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  async #remove(service: Service): Promise<void> {
    const { events } = this.#deps;
    events.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    await this.#write(
      service,
      [],
      service.metadata?.finalizers?.filter((each) => each !== FINALIZER),
    );
    events.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }

  /** In one patch of the status, which the controller's role allows; it may carry finalizers too. */
  async #write(
    service: Service,
    ingress: readonly LoadBalancerIngress[],
    finalizers: readonly string[] | undefined,
  ): Promise<void> {
    const { uid, resourceVersion } = service.metadata ?? {};
    await this.#deps.client.resource(Service).patchStatus({ name: nameOf(service), namespace: namespaceOf(service) }, 'merge', {
      metadata: { uid, resourceVersion, ...(finalizers && { finalizers: finalizers.length > 0 ? finalizers : null }) },
      status: { loadBalancer: ingress.length > 0 ? { ingress } : null },
    });
  }

  /** In words for users why a Service gets no address; undefined if it does. */
  #refusalOf(service: Service): string | undefined {
    const wanted = portsOf(service);
    const reserved = wanted.find((port) => this.#deps.options.reservedPorts?.includes(port));
    if (reserved !== undefined) return `port ${reserved} of the nodes is in use`;
    for (const other of this.#deps.services.list()) {
      if (!this.#isWanted(other) || !isBefore(other, service)) continue;
      const taken = portsOf(other).find((port) => wanted.includes(port));
      if (taken !== undefined) return `port ${taken} of the nodes is taken by Service "${keyText(namespacedName(other))}"`;
    }
    return undefined;
  }
}

function portsOf({ spec }: Service): readonly string[] {
  return (spec?.ports ?? []).map(({ port, protocol = 'TCP' }) => `${port}/${protocol}`);
}

function isBefore(one: Service, other: Service): boolean {
  const age = ({ metadata }: Service): string => `${metadata?.creationTimestamp ?? ''} ${keyText(namespacedName({ metadata }))}`;
  return age(one) < age(other);
}

/** `service-lb-controller`, where the nodes' own addresses are the load balancer. */
export function serviceLbController(options: LoadBalancerOptions): ControllerFactory {
  return (context) => {
    const { client, informers, events } = context;
    const [services, nodes, slices] = [informers.for(Service), informers.for(Node), informers.for(EndpointSlice)];
    slices.addIndexer(BY_SERVICE, (slice) => [serviceOfSlice(slice)]);
    const balanced = (): readonly NamespacedName[] =>
      services
        .list()
        .filter(({ spec }) => spec?.type === 'LoadBalancer')
        .map(namespacedName);
    return reconcilingController(context, {
      name: NAME,
      reconciler: new ServiceLoadBalancers({ client, events, services, nodes, slices, options }),
      sources: [
        // A port that one gives up is for those that wait for it.
        fromInformer(services, (service) =>
          service.spec?.type === 'LoadBalancer' ? [namespacedName(service), ...balanced()] : [namespacedName(service)],
        ),
        fromInformer(nodes, balanced, (delta) => delta.type !== 'updated' || hasMoved(delta.old, delta.object)),
        fromInformer(slices, ({ metadata }) => {
          const name = metadata?.labels?.['kubernetes.io/service-name'];
          return name ? [{ namespace: metadata?.namespace ?? '', name }] : [];
        }),
      ],
    });
  };
}

/** Heartbeats change nothing here. */
function hasMoved(old: Node, node: Node): boolean {
  const facts = ({ metadata, status }: Node): unknown => [
    metadata?.labels,
    metadata?.deletionTimestamp,
    status?.addresses,
    status?.conditions?.find(({ type }) => type === 'Ready')?.status,
  ];
  return !deepEqual(facts(old), facts(node));
}

function serviceOfSlice({ metadata }: EndpointSlice): string {
  return `${metadata?.namespace ?? ''}/${metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`;
}
