import { isPodActive, isPodTerminal, uidOf } from '@keelson/api';
import { Pod } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  ControllerRefManager,
  keyText,
  slowStartBatch,
  stillThere,
  type Expectations,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { podsToDelete } from '../pod-control/deletion-order.ts';
import { ownedOrOrphaned } from '../pod-control/owner-index.ts';
import { untilNextAvailableMs } from '../pod-control/availability.ts';
import { writeStatus } from '../pod-control/write-status.ts';
import { comeBackAfter } from '../come-back.ts';
import type { PodControl } from '../pod-control/pod-control.ts';
import { statusOf } from './replicated-status.ts';
import { matcherOf } from '../pod-control/pod-owner-kind.ts';
import type { Replicated, ReplicatedKind } from './replicated.ts';

interface Dependencies<T extends Replicated> {
  readonly adapter: ReplicatedKind<T>;
  readonly client: Client;
  readonly clock: Clock;
  readonly sets: Lister<T>;
  /** Indexed by controller. */
  readonly pods: Lister<Pod>;
  /** By the uid of the set. */
  readonly expectations: Expectations;
  readonly podControl: PodControl;
  /** All pods of the workload that the set is a part of. */
  readonly related: (set: T) => readonly Pod[];
}

/** Pods that are created or deleted at one go. */
const BURST = 500;
/** By then the expectations are given up, and what the cache has never shown is made good. */
const FORGOTTEN_MS = 5 * 60_000 + 1000;

/**
 * Keeps as many pods as a set wants. It counts the pods in the cache, and acts on them only when the cache shows all that it has done before:
 * a cache that lags behind would have it create the same pods again.
 */
export class ReplicatedReconciler<T extends Replicated> implements Reconciler {
  readonly #dependencies: Dependencies<T>;

  constructor(dependencies: Dependencies<T>) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { adapter, client, clock, expectations } = this.#dependencies;
    const set = this.#dependencies.sets.getByKey(keyText(key));
    if (!set) return {};
    // Asked before the pods are read: what is observed after that may be missing from what was read.
    const isUpToDate = expectations.satisfied(uidOf(set));
    const claimed = await this.#claim(set);
    const active = claimed.filter(isPodActive);
    const isGoing = set.metadata?.deletionTimestamp !== undefined;
    const failure = isUpToDate && !isGoing ? await this.#manage(set, active) : undefined;
    const terminating = adapter.countsTerminating ? claimed.filter((pod) => !isPodActive(pod)) : undefined;
    const nowMs = clock.now();
    await writeStatus(client, adapter.kind, set, statusOf(set, { active, terminating, failure, nowMs }));
    if (failure !== undefined) throw failure;
    const availableMs = untilNextAvailableMs(active, set.spec?.minReadySeconds, nowMs);
    return comeBackAfter(availableMs, expectations.satisfied(uidOf(set)) ? undefined : FORGOTTEN_MS);
  }

  /** Its pods, without those that have ended. */
  async #claim(set: T): Promise<readonly Pod[]> {
    const { adapter, client, pods } = this.#dependencies;
    const { kind } = adapter;
    const claims = new ControllerRefManager({ client, kind: Pod, controller: set, controllerKind: kind });
    return claims.claim(
      ownedOrOrphaned(pods, set).filter((pod) => !isPodTerminal(pod)),
      { selector: matcherOf(adapter.selectorOf(set)), canAdopt: stillThere(client, kind, set) },
    );
  }

  /** Why not all could be done, if so. */
  async #manage(set: T, active: readonly Pod[]): Promise<unknown> {
    const missing = (set.spec?.replicas ?? 1) - active.length;
    if (missing > 0) return this.#create(set, Math.min(missing, BURST));
    if (missing < 0) return this.#delete(set, active, Math.min(-missing, BURST));
    return undefined;
  }

  async #create(set: T, count: number): Promise<unknown> {
    const { expectations, podControl } = this.#dependencies;
    const template = set.spec?.template;
    if (!template) return undefined;
    expectations.expectCreations(uidOf(set), count);
    const { successes, error } = await slowStartBatch(count, 1, () => podControl.create(set, template));
    // What could not be created stays expected: so it is not tried again before the namespace is gone, or for five minutes.
    if (isNamespaceTerminating(error)) return undefined;
    for (let skipped = count - successes; skipped > 0; skipped -= 1) expectations.creationObserved(uidOf(set));
    return error;
  }

  async #delete(set: T, active: readonly Pod[], count: number): Promise<unknown> {
    const { clock, expectations, podControl, related } = this.#dependencies;
    const chosen = podsToDelete(active, count, related(set), clock.now());
    expectations.expectDeletions(uidOf(set), chosen.map(uidOf));
    const results = await Promise.allSettled(
      chosen.map(async (pod) => {
        const isDone = await podControl.delete(set, pod).catch((error: unknown) => {
          expectations.deletionObserved(uidOf(set), uidOf(pod));
          throw error;
        });
        // It was gone already, and the cache may have shown that before it was expected.
        if (!isDone) expectations.deletionObserved(uidOf(set), uidOf(pod));
      }),
    );
    return results.find((result) => result.status === 'rejected')?.reason;
  }
}
