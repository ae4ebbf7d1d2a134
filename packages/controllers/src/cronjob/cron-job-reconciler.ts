import {
  controllerOf,
  formatTime,
  nameOf,
  namespaceOf,
  parseCronSchedule,
  parseTime,
  TimeZone,
  uidOf,
  type CronSchedule,
} from '@keelson/api';
import { CronJob, Job } from '@keelson/api/batch/v1';
import type { ObjectReference } from '@keelson/api/core/v1';
import { errorMessage, isReason, KeelsonError, type Clock } from '@keelson/base';
import type { Client } from '@keelson/client';
import {
  keyText,
  patchStatusIfChanged,
  type EventRecorder,
  type Lister,
  type NamespacedName,
  type Reconciler,
  type ReconcileResult,
} from '@keelson/controller-runtime';
import { isNamespaceTerminating } from '../namespace-state.ts';
import { ownedBy } from '../pod-control/owner-index.ts';
import type { UnseenWrites } from '../unseen-writes.ts';
import { lastSuccess, referenceTo, stillActive } from './active-jobs.ts';
import { jobsToForget } from './job-history.ts';
import { dueRun, untilNextRunMs } from './run-times.ts';
import { scheduledJob, scheduledName } from './scheduled-job.ts';

interface Dependencies {
  readonly client: Client;
  readonly clock: Clock;
  readonly events: EventRecorder;
  readonly cronJobs: Lister<CronJob>;
  /** Indexed by controller. */
  readonly jobs: Lister<Job>;
  /** Of CronJobs, by uid. */
  readonly unseen: UnseenWrites;
}

/** What is to be written of a CronJob. */
interface Draft {
  active: readonly ObjectReference[];
  lastScheduleTime: string | undefined;
  readonly lastSuccessfulTime: string | undefined;
}

interface Timetable {
  readonly schedule: CronSchedule;
  readonly zone: TimeZone;
}

/** Starts Jobs when they are due, and forgets old ones. */
export class CronJobReconciler implements Reconciler {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  async reconcile(key: NamespacedName): Promise<ReconcileResult> {
    const { client, unseen } = this.#dependencies;
    const cronJob = this.#dependencies.cronJobs.getByKey(keyText(key));
    if (!cronJob) return {};
    // Without what was written last, a Job that runs would not be listed as running, and another one might start beside it.
    const unseenMs = unseen.waitMs(uidOf(cronJob));
    if (unseenMs > 0) return { requeueAfterMs: unseenMs };
    const jobs = ownedBy(this.#dependencies.jobs, cronJob);
    const draft: Draft = {
      active: await stillActive(this.#dependencies, cronJob, jobs),
      lastScheduleTime: cronJob.status?.lastScheduleTime,
      lastSuccessfulTime: lastSuccess(cronJob, jobs),
    };
    try {
      const result = await this.#run(cronJob, draft);
      await this.#forget(cronJob, jobs, draft);
      return result;
    } finally {
      const active = draft.active.length > 0 ? draft.active : undefined;
      const written = await patchStatusIfChanged(client, CronJob, cronJob, { ...draft, active });
      if (written !== cronJob) unseen.note(uidOf(cronJob), written);
    }
  }

  async #run(cronJob: CronJob, draft: Draft): Promise<ReconcileResult> {
    if (cronJob.metadata?.deletionTimestamp !== undefined || cronJob.spec?.suspend === true) return {};
    const timetable = this.#timetable(cronJob);
    if (!timetable) return {};
    const nowMs = this.#dependencies.clock.now();
    const { dueMs, hasMissedMany } = dueRun(cronJob, timetable.schedule, nowMs);
    if (dueMs !== undefined && hasMissedMany) this.#dependencies.events.event(cronJob, 'Warning', 'TooManyMissedTimes', TOO_MANY);
    if (dueMs !== undefined && this.#mayStart(cronJob, dueMs, { draft, nowMs }))
      await this.#start(cronJob, draft, { dueMs, zone: timetable.zone });
    const known = { ...cronJob, status: { ...cronJob.status, lastScheduleTime: draft.lastScheduleTime } };
    const requeueAfterMs = untilNextRunMs(known, timetable.schedule, nowMs);
    return requeueAfterMs === undefined ? {} : { requeueAfterMs };
  }

  /** `undefined` if it cannot be read or never has a time: then nothing can be done before it is changed. */
  #timetable(cronJob: CronJob): Timetable | undefined {
    const { clock, events } = this.#dependencies;
    const { schedule = '', timeZone } = cronJob.spec ?? {};
    const zone = timeZone === undefined ? TimeZone.local() : TimeZone.find(timeZone);
    if (!zone) {
      events.event(cronJob, 'Warning', 'UnknownTimeZone', `invalid timeZone: "${timeZone}": unknown time zone ${timeZone}`);
      return undefined;
    }
    try {
      const parsed = parseCronSchedule(schedule, zone);
      if (parsed.next(clock.now()) !== undefined) return { schedule: parsed, zone };
      events.event(cronJob, 'Warning', 'InvalidSchedule', `invalid schedule: ${schedule} : it never has a time`);
      return undefined;
    } catch (error) {
      events.event(cronJob, 'Warning', 'UnparseableSchedule', `unparseable schedule: "${schedule}" : ${errorMessage(error)}`);
      return undefined;
    }
  }

  #mayStart(cronJob: CronJob, dueMs: number, { draft, nowMs }: { readonly draft: Draft; readonly nowMs: number }): boolean {
    const { events } = this.#dependencies;
    const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec ?? {};
    if (startingDeadlineSeconds !== undefined && dueMs + startingDeadlineSeconds * 1000 < nowMs) {
      const time = new Date(dueMs).toUTCString().replace('GMT', '+0000');
      events.event(cronJob, 'Warning', 'MissSchedule', `Missed scheduled time to start a job: ${time}`);
      return false;
    }
    const isListed = draft.active.some(({ name }) => name === scheduledName(cronJob, dueMs));
    if (isListed || parseTime(cronJob.status?.lastScheduleTime) === dueMs) return false;
    if (concurrencyPolicy !== 'Forbid' || draft.active.length === 0) return true;
    events.event(cronJob, 'Normal', 'JobAlreadyActive', ALREADY_ACTIVE);
    return false;
  }

  async #start(
    cronJob: CronJob,
    draft: Draft,
    { dueMs, zone }: { readonly dueMs: number; readonly zone: TimeZone },
  ): Promise<void> {
    if (cronJob.spec?.concurrencyPolicy === 'Replace') await this.#replace(cronJob, draft);
    const job = await this.#create(cronJob, scheduledJob(cronJob, dueMs, zone));
    if (!job) return;
    draft.active = [...draft.active.filter(({ uid }) => uid !== uidOf(job)), referenceTo(job)];
    draft.lastScheduleTime = formatTime(dueMs);
  }

  async #replace(cronJob: CronJob, draft: Draft): Promise<void> {
    for (const reference of draft.active) {
      await this.#delete(cronJob, { name: reference.name ?? '', uid: reference.uid });
      draft.active = draft.active.filter(({ uid }) => uid !== reference.uid);
    }
  }

  /** `undefined` if there is none to be listed. One that was created before, and then not noted, is. */
  async #create(cronJob: CronJob, job: Job): Promise<Job | undefined> {
    const { client, events } = this.#dependencies;
    try {
      const created = await client.resource(Job).create(job);
      events.event(cronJob, 'Normal', 'SuccessfulCreate', `Created job ${nameOf(created)}`);
      return created;
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (isReason(error, 'AlreadyExists')) return this.#ownJob(cronJob, job);
      events.event(cronJob, 'Warning', 'FailedCreate', `Error creating job: ${errorMessage(error)}`);
      throw error;
    }
  }

  async #ownJob(cronJob: CronJob, job: Job): Promise<Job | undefined> {
    const known = await this.#dependencies.client.resource(Job).find({ name: nameOf(job), namespace: namespaceOf(job) });
    return known && controllerOf(known)?.uid === uidOf(cronJob) ? known : undefined;
  }

  async #forget(cronJob: CronJob, jobs: readonly Job[], draft: Draft): Promise<void> {
    for (const job of jobsToForget(cronJob, jobs)) {
      await this.#delete(cronJob, { name: nameOf(job), uid: uidOf(job) });
      draft.active = draft.active.filter(({ uid }) => uid !== uidOf(job));
    }
  }

  async #delete(cronJob: CronJob, { name, uid }: { readonly name: string; readonly uid: string | undefined }): Promise<void> {
    const { client, events } = this.#dependencies;
    const options = { propagationPolicy: 'Background', ...(uid !== undefined && { preconditions: { uid } }) } as const;
    try {
      await client.resource(Job).delete({ name, namespace: namespaceOf(cronJob) }, options);
    } catch (error) {
      // Conflict: another Job has the name by now.
      if (isReason(error, 'NotFound', 'Conflict')) return;
      events.event(cronJob, 'Warning', 'FailedDelete', `Deleted job: ${errorMessage(error)}`);
      const { namespace } = cronJob.metadata ?? {};
      throw new KeelsonError('InternalError', `Cannot delete Job "${namespace}/${name}": ${errorMessage(error)}`, {
        cause: error,
      });
    }
    events.event(cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
  }
}

const TOO_MANY = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
const ALREADY_ACTIVE = 'Not starting job because prior execution is running and concurrency policy is Forbid';
