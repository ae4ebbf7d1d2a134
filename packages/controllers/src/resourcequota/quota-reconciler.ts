import { deepEqual, parseQuantity, quotaResource, uidOf } from '@keelson/api';
import { ResourceQuota } from '@keelson/api/core/v1';
import { isReason, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  keyText,
  patchStatusIfChanged,
  type Lister,
  type NamespacedName,
  type ReconcileContext,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { replacingMap } from '../replacing-map.ts';
import type { MeasuredObjects } from './measured-objects.ts';
import { usageOf, type Measured } from './quota-usage.ts';

/** So long nothing may have been let in before what is used is written down as less. */
const QUIET_MS = 1_000;
/** After so long it is done in any case. */
const PATIENCE_MS = 10_000;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly quotas: Lister<ResourceQuota>;
  readonly objects: MeasuredObjects;
}

/** What is known of a quota beside what the API says. */
interface Memory {
  readonly resourceVersion: string | undefined;
  /** Since when it has that version, for all that was seen. */
  readonly sinceMs: number;
  /** Since when less is used than it says. */
  readonly lessSinceMs: number | undefined;
}

/**
 * Counts what is used of each quota. The server charges a quota before it creates an object, so for a moment more is noted than there is, and what
 * this cache shows is older still. So less is only written when nothing has been charged for a second; more is written at once.
 */
export class QuotaReconciler implements Reconciler {
  readonly #dependencies: Dependencies;
  readonly #memories = new Map<string, Memory>();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName, { signal }: ReconcileContext): Promise<ReconcileResult> {
    const { client, clock, quotas } = this.#dependencies;
    const quota = quotas.getByKey(keyText(key));
    if (!quota || quota.metadata?.deletionTimestamp !== undefined) return {};
    const hard = quota.spec?.hard ?? {};
    const used = usageOf(quota, await this.#measure(quota, signal), clock.now());
    const waitMs = this.#waitMs(quota, used);
    if (waitMs > 0) return { requeueAfterMs: waitMs };
    try {
      const known = quota.status;
      await patchStatusIfChanged(client, ResourceQuota, quota, {
        hard: replacingMap(hard, known?.hard),
        used: replacingMap(used, known?.used),
      });
    } catch (error) {
      if (!isReason(error, 'NotFound')) throw error;
    }
    return {};
  }

  /** Of a quota that is gone. */
  forget(uid: string): void {
    this.#memories.delete(uid);
  }

  async #measure(quota: ResourceQuota, signal: AbortSignal): Promise<readonly Measured[]> {
    const resources = new Map(
      Object.keys(quota.spec?.hard ?? {}).flatMap((name) => {
        const found = quotaResource(name);
        return found ? [[`${found.group}/${found.resource}`, found] as const] : [];
      }),
    );
    const measured: Measured[] = [];
    for (const { group, resource } of resources.values()) {
      const cache = await this.#dependencies.objects.cacheOf(group, resource, signal);
      if (cache) measured.push({ group, resource, objects: cache.list(quota.metadata?.namespace) });
    }
    return measured;
  }

  /** How long to leave a quota as it is. */
  #waitMs(quota: ResourceQuota, used: Readonly<Record<string, string>>): number {
    const nowMs = this.#dependencies.clock.monotonic();
    const { resourceVersion } = quota.metadata ?? {};
    const before = this.#memories.get(uidOf(quota));
    const isSame = before?.resourceVersion === resourceVersion;
    const isLess = deepEqual(quota.status?.hard ?? {}, quota.spec?.hard ?? {}) && usesLess(used, quota.status?.used ?? {});
    const memory: Memory = {
      resourceVersion,
      sinceMs: isSame && before ? before.sinceMs : nowMs,
      lessSinceMs: isLess ? (before?.lessSinceMs ?? nowMs) : undefined,
    };
    this.#memories.set(uidOf(quota), memory);
    if (memory.lessSinceMs === undefined) return 0;
    const [quietMs, patienceMs] = [memory.sinceMs + QUIET_MS - nowMs, memory.lessSinceMs + PATIENCE_MS - nowMs];
    return Math.max(0, Math.min(quietMs, patienceMs));
  }
}

function usesLess(used: Readonly<Record<string, string>>, noted: Readonly<Record<string, string>>): boolean {
  return Object.entries(used).some(([name, amount]) => parseQuantity(amount).cmp(parseQuantity(noted[name] ?? '0')) < 0);
}
