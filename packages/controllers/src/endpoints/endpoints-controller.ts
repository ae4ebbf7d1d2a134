import { deepEqual, nameOf, namespaceOf } from '@keelson/api';
import { Endpoints, Pod, Service } from '@keelson/api/core/v1';
import { errorMessage, isReason } from '@keelson/base';
import type { Client } from '@keelson/client';
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
import { isNamespaceTerminating } from '../namespace-state.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import {
  hasClusterIp,
  hasPods,
  HEADLESS_LABEL,
  podsOf,
  servicesOfPods,
  TRIGGER_TIME_ANNOTATION,
} from '../service-endpoints/service-pods.ts';
import { TriggerTimes } from '../service-endpoints/trigger-times.ts';
import { subsetsOf, truncate } from './subsets.ts';

const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';
const OVER_CAPACITY_ANNOTATION = 'endpoints.kubernetes.io/over-capacity';
const TRUNCATED = 'truncated';

interface Dependencies {
  readonly client: Client;
  readonly events: EventRecorder;
  readonly services: Informer<Service>;
  readonly pods: Informer<Pod>;
  readonly endpoints: Informer<Endpoints>;
}

/** Keeps the Endpoints of each Service that has a selector. Keys are Services. */
class EndpointsReconciler implements Reconciler {
  readonly #dependencies: Dependencies;
  readonly #triggerTimes = new TriggerTimes();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { services, pods } = this.#dependencies;
    const service = services.get(key.name, key.namespace);
    if (!service) return this.#remove(key);
    if (!hasPods(service)) return {};
    const selected = podsOf(service, pods);
    const triggerTime = this.#triggerTimes.of(service, selected);
    const result = await this.#write(service, this.#desired(service, selected), triggerTime);
    if (!result.requeue) this.#triggerTimes.settle(keyText(key));
    return result;
  }

  async #remove(key: NamespacedName): Promise<ReconcileResult> {
    const { client, endpoints } = this.#dependencies;
    this.#triggerTimes.forget(keyText(key));
    if (!endpoints.get(key.name, key.namespace)) return {};
    try {
      await client.resource(Endpoints).delete(key);
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }

  #desired(service: Service, pods: readonly Pod[]): Desired {
    const subsets = subsetsOf(service, pods);
    const kept = truncate(subsets);
    const { [HEADLESS_LABEL]: _headless, ...labels } = service.metadata?.labels ?? {};
    return {
      subsets: kept,
      isTruncated: kept !== subsets,
      labels: { ...labels, ...(!hasClusterIp(service) && { [HEADLESS_LABEL]: '' }), [MANAGED_BY_LABEL]: MANAGER },
    };
  }

  async #write(service: Service, desired: Desired, triggerTime: string | undefined): Promise<ReconcileResult> {
    const { client, endpoints } = this.#dependencies;
    const known = endpoints.get(nameOf(service), namespaceOf(service));
    if (known && isAsDesired(known, desired)) return {};
    const metadata = {
      ...(known?.metadata ?? { name: nameOf(service), namespace: namespaceOf(service) }),
      labels: desired.labels,
      annotations: annotationsOf(known, desired, triggerTime),
    };
    const { subsets } = desired;
    try {
      if (known) await client.resource(Endpoints).update({ ...known, metadata, subsets });
      else await client.resource(Endpoints).create({ metadata, subsets });
      return {};
    } catch (error) {
      return this.#failed(known ? 'Update' : 'Create', service, error);
    }
  }

  #failed(verb: 'Create' | 'Update', service: Service, error: unknown): ReconcileResult {
    if (isNamespaceTerminating(error)) return {};
    // The cache is behind what was written before.
    if (isReason(error, 'Conflict', 'AlreadyExists', 'NotFound')) return { requeue: true };
    const about = `${namespaceOf(service)}/${nameOf(service)}`;
    const message = `Failed to ${verb.toLowerCase()} endpoint ${about}: ${errorMessage(error)}`;
    this.#dependencies.events.event(service, 'Warning', `FailedTo${verb}Endpoint`, message);
    throw error;
  }
}

interface Desired extends Required<Pick<Endpoints, 'subsets'>> {
  readonly isTruncated: boolean;
  readonly labels: Record<string, string>;
}

function isAsDesired({ metadata, subsets }: Endpoints, desired: Desired): boolean {
  const isTruncated = metadata?.annotations?.[OVER_CAPACITY_ANNOTATION] === TRUNCATED;
  return (
    isTruncated === desired.isTruncated &&
    deepEqual(subsets ?? [], desired.subsets) &&
    deepEqual(metadata?.labels ?? {}, desired.labels)
  );
}

function annotationsOf(
  known: Endpoints | undefined,
  { isTruncated }: Desired,
  triggerTime: string | undefined,
): Record<string, string> {
  const {
    [OVER_CAPACITY_ANNOTATION]: _capacity,
    [TRIGGER_TIME_ANNOTATION]: _time,
    ...others
  } = known?.metadata?.annotations ?? {};
  return {
    ...others,
    ...(isTruncated && { [OVER_CAPACITY_ANNOTATION]: TRUNCATED }),
    ...(triggerTime !== undefined && { [TRIGGER_TIME_ANNOTATION]: triggerTime }),
  };
}

/** `endpoints-controller`. */
export const endpointsController: ControllerFactory = (context) => {
  const { client, events, informers } = context;
  const [services, pods, endpoints] = [informers.for(Service), informers.for(Pod), informers.for(Endpoints)];
  return reconcilingController(
    context,
    {
      name: 'endpoints-controller',
      reconciler: new EndpointsReconciler({ client, events, services, pods, endpoints }),
      sources: [
        fromInformer(services),
        servicesOfPods(pods, services),
        fromInformer(endpoints, undefined, ({ type, object }) => {
          const hasService = services.get(nameOf(object), namespaceOf(object)) !== undefined;
          // Deleted ones are made again. Those whose Service is gone have to go too, also if they are seen only after its end.
          return type === 'deleted' ? hasService : type === 'added' && !hasService && isOurs(object);
        }),
      ],
    },
    { concurrency: 5 },
  );
};

function isOurs({ metadata }: Endpoints): boolean {
  return metadata?.labels?.[MANAGED_BY_LABEL] === MANAGER;
}
