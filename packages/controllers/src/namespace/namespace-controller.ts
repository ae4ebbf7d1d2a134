import { parseTime } from '@keelson/api';
import { Namespace, Pod } from '@keelson/api/core/v1';
import { isReason, KeelsonError, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  fromInformer,
  retryOnConflict,
  type Delta,
  type Informer,
  type NamespacedName,
  type ReconcileContext,
  type Reconciler,
  type ReconcileResult,
  type Source,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { namespaceConditions } from './conditions.ts';
import { emptyNamespace, type Emptied } from './namespace-content.ts';

const FINALIZER = 'kubernetes';
/** Pods of one namespace go in crowds. */
const POD_DELAY_MS = 100;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
}

/** Deletes the content of namespaces that are being deleted, and lets them go when they are empty. */
class NamespaceFinalizer implements Reconciler {
  readonly #client: Client;
  readonly #clock: Clock;

  constructor({ client, clock }: Dependencies) {
    this.#client = client;
    this.#clock = clock;
  }

  async reconcile({ name }: NamespacedName, { signal }: ReconcileContext): Promise<ReconcileResult> {
    // Live, since what follows cannot be undone.
    const namespace = await this.#client.resource(Namespace).find({ name }, { signal });
    if (!namespace || namespace.metadata?.deletionTimestamp === undefined) return {};
    if (!namespace.spec?.finalizers?.includes(FINALIZER)) return {};
    if (namespace.status?.phase !== 'Terminating') await this.#markTerminating(namespace);
    const emptied = await this.#empty(namespace, signal);
    await this.#reportConditions(namespace, emptied);
    const { estimateSeconds, remaining, deletionErrors, discoveryFailures } = emptied;
    const failure = [...deletionErrors, ...discoveryFailures.values()].join('; ');
    if (failure !== '') throw new KeelsonError('InternalError', `Cannot empty namespace "${name}": ${failure}`);
    if (remaining.size > 0) return { requeueAfterMs: (Math.floor(estimateSeconds / 2) + 1) * 1000 };
    await this.#finalize(namespace);
    return {};
  }

  #empty(namespace: Namespace, signal: AbortSignal): Promise<Emptied> {
    const nowMs = this.#clock.now();
    const { name = '', deletionTimestamp } = namespace.metadata ?? {};
    const deletedAtMs = parseTime(deletionTimestamp) ?? nowMs;
    return emptyNamespace({ client: this.#client, namespace: name, deletedAtMs, nowMs, signal });
  }

  async #markTerminating(namespace: Namespace): Promise<void> {
    await this.#namespaces.updateStatus({ ...namespace, status: { ...namespace.status, phase: 'Terminating' } });
  }

  async #reportConditions({ metadata }: Namespace, emptied: Emptied): Promise<void> {
    const { name = '', uid } = metadata ?? {};
    await retryOnConflict(async () => {
      const fresh = await this.#namespaces.find({ name });
      if (!fresh || fresh.metadata?.uid !== uid) return;
      const conditions = namespaceConditions(fresh.status?.conditions, emptied, this.#clock.now());
      if (conditions === fresh.status?.conditions) return;
      await this.#namespaces.updateStatus({ ...fresh, status: { ...fresh.status, conditions: [...(conditions ?? [])] } });
    });
  }

  async #finalize({ metadata }: Namespace): Promise<void> {
    const { name = '', uid } = metadata ?? {};
    await retryOnConflict(async () => {
      const fresh = await this.#namespaces.find({ name });
      if (!fresh || fresh.metadata?.uid !== uid) return;
      const finalizers = fresh.spec?.finalizers?.filter((finalizer) => finalizer !== FINALIZER) ?? [];
      const body = { ...fresh, spec: { ...fresh.spec, finalizers } };
      try {
        await this.#namespaces.subresource({ name }, { subresource: 'finalize', method: 'PUT', body });
      } catch (error) {
        if (!isReason(error, 'NotFound')) throw error;
      }
    });
  }

  get #namespaces() {
    return this.#client.resource(Namespace);
  }
}

/** `namespace-controller`. */
export const namespaceController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const namespaces = informers.for(Namespace);
  return reconcilingController(
    context,
    {
      name: 'namespace-controller',
      reconciler: new NamespaceFinalizer({ client, clock }),
      sources: [fromInformer(namespaces, undefined, hasBegunToGo), podEnds(informers.for(Pod), namespaces)],
    },
    { concurrency: 10 },
  );
};

/** Not what is written while it goes on, by this controller above all. */
function hasBegunToGo(delta: Delta<Namespace>): boolean {
  return isGoing(delta.object) && (delta.type === 'added' || (delta.type === 'updated' && !isGoing(delta.old)));
}

function isGoing({ metadata }: Namespace): boolean {
  return metadata?.deletionTimestamp !== undefined;
}

/** The end of a pod in a namespace that is going: nothing else is left to wait for, so there is no need to wait for the next look. */
function podEnds(pods: Informer<Pod>, namespaces: Informer<Namespace>): Source {
  const place = ({ metadata }: Pod): NamespacedName => ({ namespace: '', name: metadata?.namespace ?? '' });
  const ends = fromInformer(
    pods,
    (pod) => [place(pod)],
    ({ type, object }) => {
      if (type !== 'deleted') return false;
      const namespace = namespaces.get(place(object).name);
      return namespace !== undefined && isGoing(namespace);
    },
  );
  return {
    ...ends,
    subscribe: (enqueue) => ends.subscribe((key, options) => enqueue(key, { ...options, delayMs: POD_DELAY_MS })),
  };
}
