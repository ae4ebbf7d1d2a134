import { Endpoints, Service } from '@keelson/api/core/v1';
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
import { MANAGED_BY_LABEL, planFamily, SERVICE_NAME_LABEL } from '../endpointslice/plan-service.ts';
import { changesOfSlices, serviceOfSlice, type Waiting } from '../endpointslice/slice-changes.ts';
import type { Labels } from '../endpointslice/slice-plan.ts';
import { SliceTracker } from '../endpointslice/slice-tracker.ts';
import { SliceWriter } from '../endpointslice/slice-writer.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { hasPods, TRIGGER_TIME_ANNOTATION } from '../service-endpoints/service-pods.ts';
import { mirroredEndpoints } from './mirrored-endpoints.ts';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
/** Endpoints that some programs choose their leader by. */
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
const APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
const BY_SERVICE = 'service';
const MAX_PER_SUBSET = 1_000;
/** If the cache does not show what was written by then, look again anyway. */
const PATIENCE_MS = 1_000;

interface Dependencies {
  readonly events: EventRecorder;
  readonly endpoints: Informer<Endpoints>;
  readonly services: Informer<Service>;
  /** Those of this controller. */
  readonly slices: Informer<EndpointSlice>;
  readonly tracker: SliceTracker;
  readonly waiting: Waiting;
  readonly writer: SliceWriter;
  readonly maxPerSubset: number;
}

/** Keeps slices equal to Endpoints that somebody has written by hand. Keys are Endpoints, and Services of their name. */
class MirroringReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { events, tracker, waiting } = this.#dependencies;
    const name = keyText(key);
    const known = this.#slicesOf(name);
    const endpoints = this.#mirrored(key);
    if (!endpoints) return this.#remove(name, known);
    if (tracker.isBehind(name, known)) {
      waiting.add(name);
      return { requeueAfterMs: PATIENCE_MS };
    }
    try {
      await this.#mirror(name, endpoints, known);
      return {};
    } catch (error) {
      // Somebody else has changed a slice, and an event will tell what.
      if (isReason(error, 'Conflict', 'NotFound')) return { requeue: true };
      const message = `Error updating mirrored Endpoint Slices for Endpoints ${name}: ${errorMessage(error)}`;
      events.event(endpoints, 'Warning', 'FailedToUpdateEndpointSlices', message);
      throw error;
    }
  }

  /** Endpoints of a Service that selects no pods, unless they are not meant to be mirrored. */
  #mirrored({ name, namespace }: NamespacedName): Endpoints | undefined {
    const endpoints = this.#dependencies.endpoints.get(name, namespace);
    const service = this.#dependencies.services.get(name, namespace);
    if (!endpoints || !service || hasPods(service)) return undefined;
    const { labels, annotations } = endpoints.metadata ?? {};
    return labels?.[SKIP_LABEL] === 'true' || annotations?.[LEADER_ANNOTATION] !== undefined ? undefined : endpoints;
  }

  #slicesOf(name: string): readonly EndpointSlice[] {
    const all = this.#dependencies.slices.byIndex(BY_SERVICE, name);
    return all.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
  }

  async #remove(name: string, known: readonly EndpointSlice[]): Promise<ReconcileResult> {
    for (const slice of known) await this.#dependencies.writer.delete(name, slice);
    if (known.length === 0) this.#dependencies.tracker.forget(name);
    return {};
  }

  async #mirror(key: string, endpoints: Endpoints, known: readonly EndpointSlice[]): Promise<void> {
    const { maxPerSubset, writer } = this.#dependencies;
    const mirrored = mirroredEndpoints(endpoints, maxPerSubset);
    this.#tellOfLeftOut(endpoints, mirrored);
    const [labels, annotations] = [labelsOf(endpoints), annotationsOf(endpoints)];
    const triggerTime = endpoints.metadata?.annotations?.[TRIGGER_TIME_ANNOTATION];
    const target = { key, owner: endpoints, ownerKind: Endpoints, labels, annotations, triggerTime };
    const options = { labels, annotations, maxEndpoints: maxPerSubset, keepsOne: false };
    for (const addressType of ['IPv4', 'IPv6'] as const) {
      const family = known.filter((slice) => slice.addressType === addressType);
      const plan = planFamily(endpoints, family, { desired: mirrored.families[addressType], addressType, options });
      await writer.write({ ...target, addressType }, plan);
    }
  }

  #tellOfLeftOut(endpoints: Endpoints, { invalid, skipped }: { readonly invalid: number; readonly skipped: number }): void {
    const { events, maxPerSubset } = this.#dependencies;
    if (invalid > 0)
      events.event(
        endpoints,
        'Warning',
        'InvalidIPAddress',
        `Skipped ${invalid} invalid IP addresses when mirroring to EndpointSlices`,
      );
    if (skipped > 0) {
      const message = `A max of ${maxPerSubset} addresses can be mirrored to EndpointSlices per Endpoints subset. ${skipped} addresses were skipped`;
      events.event(endpoints, 'Warning', 'TooManyAddressesToMirror', message);
    }
  }
}

function labelsOf({ metadata }: Endpoints): Labels {
  return { ...metadata?.labels, [SERVICE_NAME_LABEL]: metadata?.name ?? '', [MANAGED_BY_LABEL]: MANAGER };
}

function annotationsOf({ metadata }: Endpoints): Labels {
  const { [TRIGGER_TIME_ANNOTATION]: _time, [APPLIED_ANNOTATION]: _applied, ...others } = metadata?.annotations ?? {};
  return others;
}

/** `endpointslice-mirroring-controller`. */
export function endpointSliceMirroringController({
  maxPerSubset = MAX_PER_SUBSET,
}: { readonly maxPerSubset?: number } = {}): ControllerFactory {
  return (context) => {
    const { client, events, informers } = context;
    const [endpoints, services] = [informers.for(Endpoints), informers.for(Service)];
    const slices = informers.for(EndpointSlice, {
      labelSelector: `${MANAGED_BY_LABEL}=${MANAGER}`,
      indexers: { [BY_SERVICE]: servicesOfSlice },
    });
    const [tracker, waiting] = [new SliceTracker(), new Set<string>()];
    const writer = new SliceWriter({ client, tracker });
    const reconciler = new MirroringReconciler({ events, endpoints, services, slices, tracker, waiting, writer, maxPerSubset });
    const sources = [fromInformer(endpoints), fromInformer(services), changesOfSlices(slices, tracker, waiting)];
    return reconcilingController(
      context,
      { name: 'endpointslice-mirroring-controller', reconciler, sources },
      { concurrency: 5 },
    );
  };
}

function servicesOfSlice(slice: EndpointSlice): readonly string[] {
  const key = serviceOfSlice(slice);
  return key ? [keyText(key)] : [];
}
