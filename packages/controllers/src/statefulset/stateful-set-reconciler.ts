import { nameOf, uidOf } from '@keelson/api';
import { StatefulSet, type ControllerRevision } from '@keelson/api/apps/v1';
import { Pod } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  ControllerRefManager,
  keyText,
  slowStartBatch,
  stillThere,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import type { RevisionHistory } from '../history/revision-history.ts';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { ownedOrOrphaned } from '../pod-control/owner-index.ts';
import { matcherOf } from '../pod-control/pod-owner-kind.ts';
import { untilNextAvailableMs } from '../pod-control/availability.ts';
import { writeStatus } from '../pod-control/write-status.ts';
import { comeBackAfter } from '../come-back.ts';
import type { UnseenWrites } from '../unseen-writes.ts';
import { isMember, isOrdered, isRunningAndReady, revisionOfPod } from './ordinals.ts';
import { planPods, type PodAction } from './pod-plan.ts';
import type { StatefulPodWriter } from './pod-writer.ts';
import type { Revisions } from './revisions.ts';
import { statusOf } from './status.ts';

/** Before a claim that is about to go is looked for again. */
const LEFTOVER_MS = 1000;
const DEFAULT_HISTORY = 10;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly sets: Lister<StatefulSet>;
  /** Indexed by controller. */
  readonly pods: Lister<Pod>;
  readonly history: RevisionHistory<StatefulSet>;
  readonly writer: StatefulPodWriter;
  /** Of pods, by the uid of the set. */
  readonly unseen: UnseenWrites;
}

/** Keeps pods that have names, an order and volumes of their own. */
export class StatefulSetReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { client, clock, history, unseen } = this.#dependencies;
    const set = this.#dependencies.sets.getByKey(keyText(key));
    if (!set) return {};
    // What the cache does not show yet would be made again, and be refused.
    const unseenMs = Math.max(unseen.waitMs(uidOf(set)), history.unseenMs(set));
    if (unseenMs > 0) return { requeueAfterMs: unseenMs };
    const pods = await this.#claim(set);
    const known = await history.list(set);
    const revisions = await this.#revisions(set, known);
    const nowMs = clock.now();
    let failure: unknown;
    let isLeftOver = false;
    if (set.metadata?.deletionTimestamp === undefined) {
      const state = { pods, updateRevision: nameOf(revisions.update), nowMs };
      ({ failure, isLeftOver } = await this.#act(set, planPods(set, state), revisions));
    }
    await writeStatus(client, StatefulSet, set, statusOf(set, { pods, revisions, nowMs }));
    if (failure !== undefined) throw failure;
    await this.#truncate(set, known, { pods, revisions });
    const running = pods.filter(isRunningAndReady);
    return comeBackAfter(untilNextAvailableMs(running, set.spec?.minReadySeconds, nowMs), isLeftOver ? LEFTOVER_MS : undefined);
  }

  #claim(set: StatefulSet): Promise<readonly Pod[]> {
    const { client, pods } = this.#dependencies;
    const claims = new ControllerRefManager({ client, kind: Pod, controller: set, controllerKind: StatefulSet });
    return claims.claim(ownedOrOrphaned(pods, set), {
      selector: matcherOf(set.spec?.selector),
      canAdopt: stillThere(client, StatefulSet, set),
      filter: (pod) => isMember(set, pod),
    });
  }

  async #revisions(set: StatefulSet, known: readonly ControllerRevision[]): Promise<Revisions> {
    const template = set.spec?.template ?? {};
    const collisionCount = set.status?.collisionCount ?? 0;
    const current = known.find((revision) => nameOf(revision) === set.status?.currentRevision);
    const update = await this.#dependencies.history.current(set, template, { known, collisionCount });
    return { current: current ?? update.revision, update: update.revision, collisionCount: update.collisionCount };
  }

  /** In order, one after the other; else all at once, more and more as long as all goes well. */
  async #act(
    set: StatefulSet,
    actions: readonly PodAction[],
    revisions: Revisions,
  ): Promise<{ readonly failure: unknown; readonly isLeftOver: boolean }> {
    let isLeftOver = false;
    const run = async (at: number): Promise<void> => {
      const action = actions[at];
      if (action && !(await this.#do(set, action, revisions))) isLeftOver = true;
    };
    const { error } = await (isOrdered(set) ? oneByOne(actions.length, run) : slowStartBatch(actions.length, 1, run));
    return { failure: isNamespaceTerminating(error) ? undefined : error, isLeftOver };
  }

  async #do(set: StatefulSet, action: PodAction, revisions: Revisions): Promise<boolean> {
    const { writer } = this.#dependencies;
    switch (action.type) {
      case 'create':
        return writer.create(set, action.ordinal, revisions);
      case 'delete':
        await writer.delete(set, action.pod);
        return true;
      case 'retire':
        await writer.keep(set, action.pod);
        await writer.delete(set, action.pod);
        return true;
      case 'keep':
        await writer.keep(set, action.pod);
        return true;
    }
  }

  async #truncate(
    set: StatefulSet,
    known: readonly ControllerRevision[],
    { pods, revisions }: { readonly pods: readonly Pod[]; readonly revisions: Revisions },
  ): Promise<void> {
    const used = new Set([nameOf(revisions.current), nameOf(revisions.update), ...pods.map(revisionOfPod)]);
    const limit = set.spec?.revisionHistoryLimit ?? DEFAULT_HISTORY;
    await this.#dependencies.history.truncate(known, { used, limit });
  }
}

async function oneByOne(count: number, run: (at: number) => Promise<void>): Promise<{ readonly error?: unknown }> {
  try {
    for (let at = 0; at < count; at += 1) await run(at);
    return {};
  } catch (error) {
    return { error };
  }
}
