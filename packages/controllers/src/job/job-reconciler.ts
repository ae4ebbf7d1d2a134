import { controllerOf, isPodTerminal, uidOf } from '@keelson/api';
import { Job } from '@keelson/api/batch/v1';
import { Pod } from '@keelson/api/core/v1';
import type { Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  ControllerRefManager,
  keyText,
  patchStatusIfChanged,
  stillThere,
  type EventRecorder,
  type Expectations,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { comeBackAfter } from '../come-back.ts';
import { ownedBy, ownedOrOrphaned } from '../pod-control/owner-index.ts';
import type { PodControl } from '../pod-control/pod-control.ts';
import { matcherOf } from '../pod-control/pod-owner-kind.ts';
import { UnseenWrites } from '../unseen-writes.ts';
import { isFinished, type Verdict } from './job-conditions.ts';
import { announceChanges } from './job-events.ts';
import { JobPodWriter } from './job-pod-writer.ts';
import { hasSucceeded, isIndexed, isTracked, TRACKING } from './job-pods.ts';
import { statusOf, type JobStatusFields, type Outcome } from './job-status.ts';
import { PodBackoffs, type PodBackoff } from './pod-backoff.ts';
import { planPods } from './pod-plan.ts';
import { survey, type Survey } from './survey.ts';
import { untilDeadlineMs, verdictOn } from './verdict.ts';

/** Tracked pods by the `namespace/name` of the Job that controls them, also if there is no such Job any more. */
export const BY_TRACKING_JOB = 'tracking-job';
const OURS = 'kubernetes.io/job-controller';
/** By then expectations are given up. */
const FORGOTTEN_MS = 5 * 60_000 + 1000;

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly jobs: Lister<Job> & { readonly resourceVersion: string | undefined };
  /** Indexed by controller, and by `BY_TRACKING_JOB`. */
  readonly pods: Lister<Pod>;
  readonly expectations: Expectations;
  readonly podControl: PodControl;
}

interface Situation {
  readonly found: Survey;
  readonly verdict: Verdict | undefined;
  readonly backoff: PodBackoff;
  readonly nowMs: number;
}

/** What was done about the pods. */
interface Deed {
  readonly created?: number;
  readonly deleted?: readonly Pod[];
  readonly error?: unknown;
  readonly waitMs?: number;
}

/** Runs the pods of Jobs until enough have succeeded or too many have failed, and counts each end once. */
export class JobReconciler implements Reconciler {
  readonly #dependencies: Dependencies;
  readonly #writer: JobPodWriter;
  readonly #unseen: UnseenWrites;
  readonly #backoffs = new PodBackoffs();

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#unseen = new UnseenWrites({ clock: dependencies.clock, cache: dependencies.jobs });
    this.#writer = new JobPodWriter(dependencies);
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { clock, expectations, jobs } = this.#dependencies;
    const job = jobs.getByKey(keyText(key));
    await this.#releaseAbandoned(key, job);
    if (!job || (job.spec?.managedBy ?? OURS) !== OURS) return {};
    // On a Job that lacks what was counted before, ends would seem not to have been, and there would be too many pods.
    const unseenMs = this.#unseen.waitMs(uidOf(job));
    if (unseenMs > 0) return { requeueAfterMs: unseenMs };
    if (isFinished(job) || job.metadata?.deletionTimestamp !== undefined) return this.#letGo(job);
    // Asked before the pods are read: what is observed after that may be missing from what was read.
    const isUpToDate = expectations.satisfied(uidOf(job));
    const found = survey(job, await this.#claim(job));
    const nowMs = clock.now();
    const situation = { found, verdict: verdictOn(job, found, nowMs), backoff: this.#backoffs.of(job, found), nowMs };
    const deed = isUpToDate ? await this.#manage(job, situation) : {};
    await this.#track(job, { ...situation, created: 0, deleted: [], ...deed, isUpToDate });
    if (deed.error !== undefined) throw deed.error;
    return this.#comeBack(job, deed, nowMs);
  }

  /** Of a Job that is gone. */
  forget(uid: string): void {
    this.#backoffs.forget(uid);
    this.#unseen.forget(uid);
    this.#dependencies.expectations.forget(uid);
  }

  async #claim(job: Job): Promise<readonly Pod[]> {
    const { client, pods } = this.#dependencies;
    const finalizers = [TRACKING];
    const claims = new ControllerRefManager({ client, kind: Pod, controller: job, controllerKind: Job, finalizers });
    const canAdopt = stillThere(client, Job, job);
    return claims.claim(ownedOrOrphaned(pods, job), { selector: matcherOf(job.spec?.selector), canAdopt });
  }

  async #manage(job: Job, { found, verdict, backoff, nowMs }: Situation): Promise<Deed> {
    // The pods of a failing Job count as failed; those that are not needed any more as if they had never been.
    if (verdict) return this.#writer.delete(job, found.active, { uncounted: verdict.type !== 'Failed' });
    const plan = planPods(job, found, { backoff, nowMs });
    switch (plan.type) {
      case 'delete':
        return this.#writer.delete(job, plan.pods, { uncounted: true });
      case 'create':
        return this.#writer.create(job, plan.pods);
      case 'wait':
        return plan.waitMs === undefined ? {} : { waitMs: plan.waitMs };
    }
  }

  /** Writes the status, and then lets go the pods whose end it has. */
  async #track(job: Job, outcome: Outcome): Promise<void> {
    const { client, events } = this.#dependencies;
    const status = statusOf(job, outcome);
    const written = await patchStatusIfChanged(client, Job, job, status);
    if (written !== job) this.#unseen.note(uidOf(job), written);
    announceChanges(events, job, written);
    await this.#writer.release(releasable(job, outcome, status));
  }

  #comeBack(job: Job, { waitMs }: Deed, nowMs: number): ReconcileResult {
    const isWaiting = !this.#dependencies.expectations.satisfied(uidOf(job));
    return comeBackAfter(untilDeadlineMs(job, nowMs), waitMs, isWaiting ? FORGOTTEN_MS : undefined);
  }

  /** Nothing of a Job that has ended or is being deleted is counted any more. */
  async #letGo(job: Job): Promise<ReconcileResult> {
    this.#backoffs.forget(uidOf(job));
    await this.#writer.release(ownedBy(this.#dependencies.pods, job).filter(isTracked));
    return {};
  }

  /**
   * Pods of a Job that is gone must not stay for ever, nor those of another one that had the name before. The server itself is asked: a cache
   * that lags behind does not know a new Job, and the ends of its pods would be lost.
   */
  async #releaseAbandoned(key: NamespacedName, job: Job | undefined): Promise<void> {
    const { client, pods } = this.#dependencies;
    const tracked = pods.byIndex(BY_TRACKING_JOB, keyText(key));
    if (tracked.every((pod) => controllerOf(pod)?.uid === job?.metadata?.uid)) return;
    const live = await client.resource(Job).find(key);
    await this.#writer.release(tracked.filter((pod) => controllerOf(pod)?.uid !== live?.metadata?.uid));
  }
}

function releasable(job: Job, { found, verdict }: Outcome, { uncountedTerminatedPods: notes }: JobStatusFields): readonly Pod[] {
  const noted = new Set([...(notes.succeeded ?? []), ...(notes.failed ?? [])]);
  const ignored = new Set(found.ignored);
  const held = new Set(verdict ? [] : found.toReplace.values());
  return found.pods.filter((pod) => {
    if (!isTracked(pod) || held.has(pod)) return false;
    if (noted.has(uidOf(pod)) || ignored.has(pod)) return true;
    return isPodTerminal(pod) && ((isIndexed(job) && hasSucceeded(pod)) || verdict?.type === 'Complete');
  });
}
