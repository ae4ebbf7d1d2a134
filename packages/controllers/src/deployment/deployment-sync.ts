import { isPodTerminal, nameOf } from '@keelson/api';
import type { Deployment, DeploymentCondition, ReplicaSet } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { errorMessage, KeelsonError, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import type { EventRecorder, ReconcileResult } from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { REVISION, revisionOf } from './annotations.ts';
import {
  isComplete,
  REASONS,
  untilDeadlineMs,
  withCondition,
  withPause,
  withProgress,
  withReplicaFailure,
} from './conditions.ts';
import { historyLimit, isRollingUpdate, progressDeadlineMs, replicasOf } from './limits.ts';
import { replicaSetOf, type ReplicaSetWriter } from './replica-set-writer.ts';
import { activeOnes, byAge, isObserved, sizeOf, sum } from './replica-sets.ts';
import { isScaling, newSetSize, scaleSizes, shrinkOldSets, splitSets, type Resize } from './sizing.ts';
import { countsOf, withAvailability, writeDraft } from './status.ts';
import { isSameTemplate } from './template.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly writer: ReplicaSetWriter;
}

interface Observed {
  readonly deployment: Deployment;
  /** Its own. */
  readonly sets: readonly ReplicaSet[];
  /** The pods of a set, those that are terminating too. */
  readonly podsOf: (set: ReplicaSet) => readonly Pod[];
}

/**
 * One look at one Deployment: moves its ReplicaSets one step towards what it wants, and reports. What is to be written of the Deployment itself
 * is collected and written once, at the end or when something has failed.
 */
export class DeploymentSync {
  readonly #dependencies: Dependencies;
  readonly #deployment: Deployment;
  readonly #podsOf: Observed['podsOf'];
  readonly #nowMs: number;
  #newSet: ReplicaSet | undefined;
  #oldSets: readonly ReplicaSet[];
  #conditions: readonly DeploymentCondition[];
  #collisionCount: number | undefined;
  #revision: string | undefined;

  constructor(dependencies: Dependencies, { deployment, sets, podsOf }: Observed) {
    this.#dependencies = dependencies;
    this.#deployment = deployment;
    this.#podsOf = podsOf;
    this.#nowMs = dependencies.clock.now();
    this.#conditions = deployment.status?.conditions ?? [];
    this.#collisionCount = deployment.status?.collisionCount;
    const { template } = deployment.spec ?? {};
    const split = splitSets(sets, (set) => isSameTemplate(set.spec?.template, template));
    this.#newSet = split.newSet;
    this.#oldSets = split.oldSets;
  }

  async run(): Promise<ReconcileResult> {
    const deployment = this.#deployment;
    if (deployment.metadata?.deletionTimestamp !== undefined) return this.#report();
    this.#conditions = withPause(this.#conditions, deployment, this.#nowMs);
    await this.#markNewSet();
    const isPaused = deployment.spec?.paused === true;
    if (isPaused || isScaling(deployment, this.#sets)) {
      await this.#resizeAll(scaleSizes(deployment, this.#newSet, this.#oldSets));
      if (isPaused) await this.#cleanUp();
      return this.#report();
    }
    const isSettled = isRollingUpdate(deployment) ? await this.#roll() : await this.#recreate();
    if (isSettled && isComplete(deployment, deployment.status ?? {})) await this.#cleanUp();
    return this.#reportRollout();
  }

  get #sets(): readonly ReplicaSet[] {
    return this.#newSet ? [...this.#oldSets, this.#newSet] : this.#oldSets;
  }

  /** One step of a rolling update: either new pods more, or old ones less. True if there was nothing to do. */
  async #roll(): Promise<boolean> {
    const newSet = this.#newSet ?? (await this.#createNewSet());
    const size = newSetSize(this.#deployment, this.#sets, sizeOf(newSet));
    if (size !== sizeOf(newSet)) {
      await this.#resizeAll([{ set: newSet, size }]);
      return false;
    }
    const resizes = shrinkOldSets(this.#deployment, newSet, this.#oldSets);
    await this.#resizeAll(resizes);
    return resizes.length === 0;
  }

  /** All old pods go, and when the last of them has ended the new ones come. True if there was nothing to do. */
  async #recreate(): Promise<boolean> {
    const shrinking = activeOnes(this.#oldSets).map((set) => ({ set, size: 0 }));
    await this.#resizeAll(shrinking);
    if (shrinking.length > 0 || this.#hasOldPods()) return false;
    const newSet = this.#newSet ?? (await this.#createNewSet());
    if (sizeOf(newSet) === replicasOf(this.#deployment)) return true;
    await this.#resizeAll([{ set: newSet, size: replicasOf(this.#deployment) }]);
    return false;
  }

  #hasOldPods(): boolean {
    if (sum(this.#oldSets, ({ status }) => status?.replicas ?? 0) > 0) return true;
    return this.#oldSets.some((set) => this.#podsOf(set).some((pod) => !isPodTerminal(pod)));
  }

  /** The new set gets the highest revision, also if it is an old one that is used again; the Deployment shows it. */
  async #markNewSet(): Promise<void> {
    if (!this.#newSet) return;
    this.#newSet = await this.#dependencies.writer.mark(this.#deployment, this.#newSet, this.#nextRevision());
    this.#revision = this.#newSet.metadata?.annotations?.[REVISION];
    if (this.#conditions.every(({ type }) => type !== 'Progressing'))
      this.#noteProgress('True', REASONS.found, `Found new replica set "${nameOf(this.#newSet)}"`);
  }

  #nextRevision(): bigint {
    return this.#oldSets.map(revisionOf).reduce((highest, each) => (each > highest ? each : highest), 0n) + 1n;
  }

  async #createNewSet(): Promise<ReplicaSet> {
    const revision = this.#nextRevision();
    const size = newSetSize(this.#deployment, this.#oldSets, 0);
    const wanted = replicaSetOf(this.#deployment, { collisionCount: this.#collisionCount, revision, size });
    const creation = await this.#dependencies.writer.create(this.#deployment, wanted).catch(async (error: unknown) => {
      await this.#noteCreateError(nameOf(wanted), error);
      throw error;
    });
    if (creation.type === 'collision') {
      this.#collisionCount = (this.#collisionCount ?? 0) + 1;
      await this.#report();
      throw new KeelsonError('Conflict', `Cannot create ReplicaSet "${creation.name}": another one has the name`);
    }
    this.#newSet = creation.set;
    this.#revision = creation.set.metadata?.annotations?.[REVISION];
    if (creation.type === 'created')
      this.#noteProgress('True', REASONS.created, `Created new replica set "${nameOf(creation.set)}"`);
    return creation.set;
  }

  async #noteCreateError(name: string, error: unknown): Promise<void> {
    if (isNamespaceTerminating(error)) return;
    const message = `Failed to create new replica set "${name}": ${errorMessage(error)}`;
    this.#noteProgress('False', REASONS.createError, message);
    this.#dependencies.events.event(this.#deployment, 'Warning', REASONS.createError, message);
    await this.#report();
  }

  #noteProgress(status: 'True' | 'False', reason: string, message: string): void {
    if (progressDeadlineMs(this.#deployment) === undefined) return;
    this.#conditions = withCondition(this.#conditions, { type: 'Progressing', status, reason, message }, this.#nowMs);
  }

  async #resizeAll(resizes: readonly Resize[]): Promise<void> {
    for (const resize of resizes) {
      const resized = await this.#dependencies.writer.resize(this.#deployment, resize);
      if (resize.set === this.#newSet) this.#newSet = resized;
      else this.#oldSets = this.#oldSets.map((set) => (set === resize.set ? resized : set));
    }
  }

  /** Deletes the sets of the lowest revisions that are beyond the history. */
  async #cleanUp(): Promise<void> {
    const limit = historyLimit(this.#deployment);
    const present = this.#oldSets.filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
    if (limit === undefined || present.length <= limit) return;
    const oldest = present
      .toSorted((a, b) => Number(revisionOf(a) - revisionOf(b)) || byAge(a, b))
      .slice(0, present.length - limit);
    for (const set of oldest.filter(isIdle)) await this.#dependencies.writer.delete(set);
  }

  async #reportRollout(): Promise<ReconcileResult> {
    const [newSet, oldSets, deployment, nowMs] = [this.#newSet, this.#oldSets, this.#deployment, this.#nowMs];
    const after = countsOf(deployment, newSet, oldSets);
    this.#conditions = withAvailability(this.#conditions, deployment, { ...after, nowMs });
    const report = { deployment, newSet, before: deployment.status ?? {}, after, nowMs };
    this.#conditions = withReplicaFailure(withProgress(this.#conditions, report), newSet, oldSets);
    await this.#report();
    const requeueAfterMs = untilDeadlineMs(deployment, { ...after, conditions: [...this.#conditions] }, nowMs);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  async #report(): Promise<ReconcileResult> {
    const [deployment, nowMs] = [this.#deployment, this.#nowMs];
    const counts = countsOf(deployment, this.#newSet, this.#oldSets);
    const conditions = [...withAvailability(this.#conditions, deployment, { ...counts, nowMs })];
    await writeDraft(this.#dependencies.client, deployment, {
      status: { ...counts, conditions, collisionCount: this.#collisionCount },
      annotations: this.#revision === undefined ? {} : { [REVISION]: this.#revision },
    });
    return {};
  }
}

/** It has no pods and wants none, and its controller knows that. */
function isIdle(set: ReplicaSet): boolean {
  return (set.status?.replicas ?? 0) === 0 && sizeOf(set) === 0 && isObserved(set);
}
