import { formatTime, nameOf, parseTime, setCondition } from '@keelson/api';
import { IPAddress, ServiceCIDR } from '@keelson/api/networking/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  addFinalizer,
  fromInformer,
  namespacedName,
  patchStatusIfChanged,
  removeFinalizer,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { ControllerFactory } from '../controller-context.ts';
import { reconcilingController } from '../reconciling-controller.ts';
import { covers } from './networks.ts';

const NAME = 'service-cidr-controller';
const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
/** A Service that was given an address just before the range was deleted may not be written yet. */
const GRACE_MS = 10_000;
const READY = { type: 'Ready', status: 'True', reason: '', message: 'Kubernetes Service CIDR is ready' } as const;
const IN_USE = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
} as const;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly ranges: Lister<ServiceCIDR>;
  readonly addresses: Lister<IPAddress>;
}

/** Says of ranges that they are ready, and keeps one that is to go as long as a Service has an address that is in no other. */
class RangeReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile({ name }: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, ranges } = this.#dependencies;
    const range = ranges.get(name);
    if (!range) return {};
    const deletedMs = parseTime(range.metadata?.deletionTimestamp);
    if (deletedMs === undefined) {
      const kept = await addFinalizer(client, ServiceCIDR, range, FINALIZER);
      if (kept) await this.#report(kept, READY);
    } else if (this.#isNeeded(range)) await this.#report(range, IN_USE);
    else if (clock.now() < deletedMs + GRACE_MS) return { requeueAfterMs: deletedMs + GRACE_MS - clock.now() };
    else await removeFinalizer(client, ServiceCIDR, range, FINALIZER);
    return {};
  }

  async #report(range: ServiceCIDR, condition: typeof READY | typeof IN_USE): Promise<void> {
    const { client, clock } = this.#dependencies;
    const nowMs = clock.now();
    const dated = { ...condition, lastTransitionTime: formatTime(nowMs) };
    const conditions = setCondition(range.status?.conditions, dated, nowMs);
    await patchStatusIfChanged(client, ServiceCIDR, range, { conditions });
  }

  #isNeeded(range: ServiceCIDR): boolean {
    const { ranges, addresses } = this.#dependencies;
    const others = ranges.list().flatMap((other) => (other === range ? [] : (other.spec?.cidrs ?? [])));
    const alone = (range.spec?.cidrs ?? []).filter((cidr) => !others.some((other) => covers(other, cidr)));
    const isLost = (address: string): boolean =>
      alone.some((cidr) => covers(cidr, address)) && !others.some((other) => covers(other, address));
    return alone.length > 0 && addresses.list().some((address) => isManaged(address) && isLost(nameOf(address)));
  }
}

/** Held by a Service, rather than made by hand. */
function isManaged({ metadata }: IPAddress): boolean {
  return metadata?.labels?.['ipaddress.kubernetes.io/managed-by'] === 'ipallocator.k8s.io';
}

/** `service-cidr-controller`. */
export const serviceCidrController: ControllerFactory = (context) => {
  const { client, clock, informers } = context;
  const ranges = informers.for(ServiceCIDR);
  const addresses = informers.for(IPAddress);
  // Another range, or an address that goes, matters to those that wait for it alone.
  const waiting = (): readonly NamespacedName[] =>
    ranges
      .list()
      .filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)
      .map(namespacedName);
  const ownAndWaiting = (range: ServiceCIDR): readonly NamespacedName[] => [namespacedName(range), ...waiting()];
  return reconcilingController(context, {
    name: NAME,
    reconciler: new RangeReconciler({ client, clock, ranges, addresses }),
    sources: [fromInformer(ranges, ownAndWaiting), fromInformer(addresses, waiting, ({ type }) => type !== 'updated')],
  });
};
