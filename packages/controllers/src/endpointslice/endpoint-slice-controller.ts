import { Node, Pod, Service } from '@keelson/api/core/v1';
import { EndpointSlice } from '@keelson/api/discovery/v1';
import { errorMessage, isReason } from '@keelson/base';
import {
  fromInformer,
  keyText,
  type EventRecorder,
  type Informer,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { hasPods, podsOf, servicesOfPods } from '../service-endpoints/service-pods.ts';
import { TriggerTimes } from '../service-endpoints/trigger-times.ts';
import { addressTypesOf, desiredEndpoints, type AddressType, type DesiredEndpoints } from './desired-endpoints.ts';
import { changesOfNodes, changesOfZones } from './node-changes.ts';
import { MANAGED_BY_LABEL, MANAGER, planFamily, sliceLabels } from './plan-service.ts';
import { changesOfSlices, serviceOfSlice, type Waiting } from './slice-changes.ts';
import { SliceTracker } from './slice-tracker.ts';
import { SliceWriter } from './slice-writer.ts';
import { wantsZoneHints, withZoneHints } from './zone-hints.ts';

const BY_SERVICE = 'service';
const MAX_ENDPOINTS = 100;
/** If the cache does not show what was written by then, look again anyway. */
const PATIENCE_MS = 1_000;

interface Dependencies {
  readonly events: EventRecorder;
  readonly services: Informer<Service>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  /** Those of this controller. */
  readonly slices: Informer<EndpointSlice>;
  readonly tracker: SliceTracker;
  readonly waiting: Waiting;
  readonly writer: SliceWriter;
  readonly maxEndpoints: number;
}

/** Keeps the EndpointSlices of each Service that has a selector. Keys are Services. */
class EndpointSliceReconciler implements Reconciler {
  readonly #dependencies: Dependencies;
  readonly #triggerTimes = new TriggerTimes();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { services, tracker, waiting } = this.#dependencies;
    const name = keyText(key);
    const service = services.get(key.name, key.namespace);
    const known = this.#slicesOf(name);
    if (!service) return this.#remove(name, known);
    if (!hasPods(service)) return {};
    if (tracker.isBehind(name, known)) {
      waiting.add(name);
      return { requeueAfterMs: PATIENCE_MS };
    }
    try {
      await this.#reconcile(name, service, known);
    } catch (error) {
      // Somebody else has changed a slice, and an event will tell what.
      if (isReason(error, 'Conflict', 'NotFound')) return { requeue: true };
      const message = `Error updating Endpoint Slices for Service ${name}: ${errorMessage(error)}`;
      this.#dependencies.events.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message);
      throw error;
    }
    this.#triggerTimes.settle(name);
    return {};
  }

  #slicesOf(service: string): readonly EndpointSlice[] {
    const all = this.#dependencies.slices.byIndex(BY_SERVICE, service);
    return all.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  }

  async #remove(name: string, known: readonly EndpointSlice[]): Promise<ReconcileResult> {
    this.#triggerTimes.forget(name);
    for (const slice of known) await this.#dependencies.writer.delete(name, slice);
    if (known.length === 0) this.#dependencies.tracker.forget(name);
    return {};
  }

  async #reconcile(key: string, service: Service, known: readonly EndpointSlice[]): Promise<void> {
    const { pods: allPods, nodes, writer, maxEndpoints } = this.#dependencies;
    const pods = podsOf(service, allPods);
    const triggerTime = this.#triggerTimes.of(service, pods);
    const labels = sliceLabels(service);
    const addressTypes = addressTypesOf(service);
    for (const addressType of addressTypes) {
      const family = known.filter((slice) => slice.addressType === addressType);
      const found = desiredEndpoints({ service, pods, node: (name) => nodes.get(name) }, addressType);
      const desired = wantsZoneHints(service) ? this.#withZoneHints(service, { found, family, addressType }) : found;
      const options = { labels, maxEndpoints, keepsOne: true };
      const plan = planFamily(service, family, { desired, addressType, options });
      await writer.write({ key, owner: service, ownerKind: Service, addressType, labels, triggerTime }, plan);
    }
    for (const slice of known) if (!addressTypes.some((type) => type === slice.addressType)) await writer.delete(key, slice);
  }

  /** Says so when endpoints are shared out among zones, and when they no longer can be. */
  #withZoneHints(service: Service, { found, family, addressType }: Family): DesiredEndpoints {
    const result = withZoneHints(found, this.#dependencies.nodes.list());
    const had = family.some(({ endpoints }) => endpoints?.some(({ hints }) => hints?.forZones !== undefined));
    const tell = (type: 'Normal' | 'Warning', reason: string, text: string): void =>
      this.#dependencies.events.event(service, type, reason, `${text}, addressType: ${addressType}`);
    if (result.isHinted && !had) tell('Normal', 'TopologyAwareHintsEnabled', 'Topology Aware Hints has been enabled');
    if (!result.isHinted && had) tell('Warning', 'TopologyAwareHintsDisabled', result.reason);
    return result.desired;
  }
}

interface Family {
  readonly found: DesiredEndpoints;
  /** The slices that there are. */
  readonly family: readonly EndpointSlice[];
  readonly addressType: AddressType;
}

/** `endpointslice-controller`. */
export function endpointSliceController({
  maxEndpoints = MAX_ENDPOINTS,
}: { readonly maxEndpoints?: number } = {}): ControllerFactory {
  return (context) => {
    const { client, events, informers } = context;
    const [services, pods, nodes] = [informers.for(Service), informers.for(Pod), informers.for(Node)];
    const slices = informers.for(EndpointSlice, {
      labelSelector: `${MANAGED_BY_LABEL}=${MANAGER}`,
      indexers: { [BY_SERVICE]: servicesOfSlice },
    });
    const [tracker, waiting] = [new SliceTracker(), new Set<string>()];
    const writer = new SliceWriter({ client, tracker });
    return reconcilingController(
      context,
      {
        name: 'endpointslice-controller',
        reconciler: new EndpointSliceReconciler({
          events,
          services,
          pods,
          nodes,
          slices,
          tracker,
          waiting,
          writer,
          maxEndpoints,
        }),
        sources: [
          fromInformer(services),
          servicesOfPods(pods, services),
          changesOfNodes({ nodes, pods, services }),
          changesOfZones({ nodes, services }),
          changesOfSlices(slices, tracker, waiting),
        ],
      },
      { concurrency: 5 },
    );
  };
}

function servicesOfSlice(slice: EndpointSlice): readonly string[] {
  const key = serviceOfSlice(slice);
  return key ? [keyText(key)] : [];
}
