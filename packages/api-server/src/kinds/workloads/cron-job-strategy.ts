import { parseCronSchedule, TimeZone } from '@keelson/api';
import type { CronJob, JobTemplateSpec } from '@keelson/api/batch/v1';
import { errorMessage } from '@keelson/base';
import type { Strategy } from '../../registry/strategy.ts';
import { checkChoice, checkNonNegative, checkPresent } from '../../validation/checks.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { checkJobSpec } from './job-strategy.ts';
import { hasChanged, jobSpecWarnings, nameWarnings } from '../warnings/workload-warnings.ts';

/** Kubernetes names the field so. */
const ZONE_IN_SCHEDULE =
  'cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details';
const CONCURRENCY = ['Allow', 'Forbid', 'Replace'];
/** A Job of it is named by a suffix of 11 characters more, and names of Jobs have at most 63. */
const MAX_NAME = 52;

export const cronJobStrategy: Strategy<CronJob> = {
  warnings: (job, old) => [
    ...(old ? [] : nameWarnings(job)),
    ...(hasChanged(job, old) ? jobSpecWarnings(job.spec?.jobTemplate?.spec, 'spec.jobTemplate.spec') : []),
    ...(old && job.spec?.schedule?.includes('TZ') ? [ZONE_IN_SCHEDULE] : []),
  ],
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    const template: JobTemplateSpec = (spec.jobTemplate ??= {});
    template.spec ??= { template: {} };
    setPodTemplateDefaults((template.spec.template ??= {}));
  },
  prepareForCreate: (job) => void (job.status = {}),
  validate: ({ spec }) => Field.collect((at) => checkCronJob(spec, at.child('spec'))),
  validateCreate: ({ metadata, spec }) =>
    Field.collect((root) => {
      checkTiming(spec, undefined, root.child('spec'));
      const name = metadata?.name ?? '';
      if (name.length > MAX_NAME)
        root.child('metadata').child('name').invalid(name, `must be no more than ${MAX_NAME} characters`);
    }),
  validateUpdate: ({ spec }, old) => Field.collect((root) => checkTiming(spec, old.spec, root.child('spec'))),
};

type Spec = CronJob['spec'] | undefined;

/** A time zone inside the schedule is only left to those that had one before. */
function checkTiming(spec: Spec, old: Spec, at: Field): void {
  if (checkPresent(spec?.schedule, at, 'schedule')) {
    const schedule = spec?.schedule ?? '';
    checkSchedule(schedule, at.child('schedule'));
    const mayHaveZone = old?.schedule?.includes('TZ') === true;
    if (schedule.includes('TZ') && !mayHaveZone)
      at.child('schedule').invalid(schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
    else if (schedule.includes('TZ') && spec?.timeZone !== undefined)
      at.child('schedule').invalid(schedule, 'cannot use both timeZone field and TZ or CRON_TZ in schedule');
  }
  if (spec?.timeZone !== undefined && spec.timeZone !== old?.timeZone) checkTimeZone(spec.timeZone, at.child('timeZone'));
}

function checkSchedule(schedule: string, at: Field): void {
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    at.invalid(schedule, errorMessage(error));
  }
}

function checkCronJob(spec: Spec, at: Field): void {
  checkNonNegative(spec?.startingDeadlineSeconds, at, 'startingDeadlineSeconds');
  checkChoice(spec?.concurrencyPolicy, CONCURRENCY, () => at.child('concurrencyPolicy'));
  checkJobTemplate(spec?.jobTemplate, at.child('jobTemplate').child('spec'));
  checkNonNegative(spec?.successfulJobsHistoryLimit, at, 'successfulJobsHistoryLimit');
  checkNonNegative(spec?.failedJobsHistoryLimit, at, 'failedJobsHistoryLimit');
}

function checkJobTemplate(template: JobTemplateSpec | undefined, at: Field): void {
  const spec = template?.spec;
  checkJobSpec(spec, at);
  if (spec?.selector !== undefined) at.child('selector').invalid(spec.selector, '`selector` will be auto-generated');
  if (spec?.manualSelector === true) at.child('manualSelector').notSupported(true, ['nil', 'false']);
}

const ZONE_PART = /^[A-Za-z._0-9+][A-Za-z.\-_0-9+]{0,13}$/;

function checkTimeZone(zone: string, at: Field): void {
  if (zone === '') return at.invalid(zone, 'timeZone must be nil or non-empty string');
  const isName = zone.split('/').every((part) => part !== '.' && part !== '..' && ZONE_PART.test(part));
  if (!isName) return at.invalid(zone, `unknown time zone ${zone}`);
  if (zone.toLowerCase() === 'local')
    at.invalid(zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  if (!TimeZone.find(zone)) at.invalid(zone, `unknown time zone ${zone}`);
}
