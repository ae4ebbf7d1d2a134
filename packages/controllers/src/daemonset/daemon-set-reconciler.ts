import { nameOf, namespaceOf, uidOf } from '@keelson/api';
import { DaemonSet, type ControllerRevision } from '@keelson/api/apps/v1';
import { Pod, type Node } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  ControllerRefManager,
  keyText,
  slowStartBatch,
  stillThere,
  type EventRecorder,
  type Expectations,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { CurrentRevision, RevisionHistory } from '../history/revision-history.ts';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { ownedOrOrphaned } from '../pod-control/owner-index.ts';
import type { PodControl } from '../pod-control/pod-control.ts';
import { matcherOf } from '../pod-control/pod-owner-kind.ts';
import { untilNextAvailableMs } from '../pod-control/availability.ts';
import { writeStatus } from '../pod-control/write-status.ts';
import { comeBackAfter } from '../come-back.ts';
import { daemonTemplate, HASH_LABEL } from './daemon-pod.ts';
import { daemonState, type DaemonState } from './daemon-state.ts';
import type { FailureWaits } from './failure-waits.ts';
import { planPods, type PodPlan } from './pod-plan.ts';
import { planRollout, type RolloutPlan } from './rollout-plan.ts';
import { statusOf } from './status.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly sets: Lister<DaemonSet>;
  readonly nodes: Lister<Node>;
  /** Indexed by controller. */
  readonly pods: Lister<Pod>;
  readonly history: RevisionHistory<DaemonSet>;
  /** By the uid of the daemon. */
  readonly expectations: Expectations;
  readonly podControl: PodControl;
  readonly waits: FailureWaits;
}

/** Pods that are created or deleted at one go. */
const BURST = 250;
/** By then the expectations are given up, and what the cache has never shown is made good. */
const FORGOTTEN_MS = 5 * 60_000 + 1000;
const DEFAULT_HISTORY = 10;

interface Deed {
  readonly failure?: unknown;
  readonly waitMs?: number | undefined;
}

/** Keeps a pod of each daemon on each node where it belongs. */
export class DaemonSetReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, expectations, history, nodes } = this.#dependencies;
    const set = this.#dependencies.sets.getByKey(keyText(key));
    // A daemon that is being deleted only waits for its pods.
    if (!set || set.metadata?.deletionTimestamp !== undefined) return {};
    const unseenMs = history.unseenMs(set);
    if (unseenMs > 0) return { requeueAfterMs: unseenMs };
    // Asked before the pods are read: what is observed after that may be missing from what was read.
    const isUpToDate = expectations.satisfied(uidOf(set));
    const pods = await this.#claim(set);
    const known = await history.list(set);
    const current = await this.#revision(set, known);
    const hash = hashOf(current.revision);
    const state = daemonState(set, { nodes: nodes.list(), pods, hash, nowMs: clock.now() });
    const deed = isUpToDate ? await this.#act(set, state) : {};
    const { collisionCount } = current;
    await writeStatus(client, DaemonSet, set, statusOf(set, state, { collisionCount, wasManaged: isUpToDate }));
    if (deed.failure !== undefined) throw deed.failure;
    const used = new Set(
      known.filter((each) => pods.some((pod) => pod.metadata?.labels?.[HASH_LABEL] === hashOf(each))).map(nameOf),
    );
    used.add(nameOf(current.revision));
    await history.truncate(known, { used, limit: set.spec?.revisionHistoryLimit ?? DEFAULT_HISTORY });
    return this.#comeBack(set, state, deed);
  }

  #claim(set: DaemonSet): Promise<readonly Pod[]> {
    const { client, pods } = this.#dependencies;
    const claims = new ControllerRefManager({ client, kind: Pod, controller: set, controllerKind: DaemonSet });
    return claims.claim(ownedOrOrphaned(pods, set), {
      selector: matcherOf(set.spec?.selector),
      canAdopt: stillThere(client, DaemonSet, set),
    });
  }

  #revision(set: DaemonSet, known: readonly ControllerRevision[]): Promise<CurrentRevision> {
    const collisionCount = set.status?.collisionCount ?? 0;
    return this.#dependencies.history.current(set, set.spec?.template ?? {}, { known, collisionCount });
  }

  /** Rolls on only when every node has what it should have. */
  async #act(set: DaemonSet, state: DaemonState): Promise<Deed> {
    const { waits } = this.#dependencies;
    const plan = planPods(set, state, (nodeName) => waits.waitMs(uidOf(set), nodeName));
    this.#tellOfEnded(set, plan);
    const { waitMs } = plan;
    const next = plan.create.length + plan.delete.length > 0 ? plan : planRollout(set, state);
    return { failure: await this.#carryOut(set, next, state.hash), waitMs };
  }

  #tellOfEnded(set: DaemonSet, { ended }: PodPlan): void {
    const { events, waits } = this.#dependencies;
    for (const { nodeName, pod } of ended) {
      const where = `${namespaceOf(pod)}/${nameOf(pod)} on node ${nodeName}`;
      if (pod.status?.phase === 'Succeeded') {
        events.event(set, 'Normal', 'SucceededDaemonPod', `Found succeeded daemon pod ${where}, will try to delete it`);
        continue;
      }
      events.event(set, 'Warning', 'FailedDaemonPod', `Found failed daemon pod ${where}, will try to kill it`);
      waits.replaced(uidOf(set), nodeName);
    }
  }

  /** Why not all could be done, if so. */
  async #carryOut(set: DaemonSet, plan: RolloutPlan, hash: string): Promise<unknown> {
    const { expectations, podControl } = this.#dependencies;
    const create = plan.create.slice(0, BURST);
    const remove = plan.delete.slice(0, BURST);
    if (create.length + remove.length === 0) return undefined;
    expectations.expectChanges(uidOf(set), { creations: create.length, deletions: remove.map(uidOf) });
    const { successes, error } = await slowStartBatch(create.length, 1, (at) =>
      podControl.create(set, daemonTemplate(set, create[at] ?? '', hash)),
    );
    // In a namespace that is going away they stay expected: so it is not tried again before that is gone.
    const isEnding = isNamespaceTerminating(error);
    for (let skipped = isEnding ? 0 : create.length - successes; skipped > 0; skipped -= 1)
      expectations.creationObserved(uidOf(set));
    const results = await Promise.allSettled(remove.map((pod) => this.#delete(set, pod)));
    const failed = results.find((result) => result.status === 'rejected');
    return isEnding ? failed?.reason : (error ?? failed?.reason);
  }

  async #delete(set: DaemonSet, pod: Pod): Promise<void> {
    const { expectations, podControl } = this.#dependencies;
    let isBegun = false;
    try {
      isBegun = await podControl.delete(set, pod);
    } finally {
      // It was gone already, and the cache may have shown that before it was expected; or it is still there.
      if (!isBegun) expectations.deletionObserved(uidOf(set), uidOf(pod));
    }
  }

  #comeBack(set: DaemonSet, { nodes, nowMs }: DaemonState, { waitMs }: Deed): ReconcileResult {
    const isWaiting = !this.#dependencies.expectations.satisfied(uidOf(set));
    const pods = nodes.flatMap((node) => node.pods);
    const availableMs = untilNextAvailableMs(pods, set.spec?.minReadySeconds, nowMs);
    return comeBackAfter(waitMs, availableMs, isWaiting ? FORGOTTEN_MS : undefined);
  }
}

function hashOf({ metadata }: ControllerRevision): string {
  return metadata?.labels?.[HASH_LABEL] ?? '';
}
