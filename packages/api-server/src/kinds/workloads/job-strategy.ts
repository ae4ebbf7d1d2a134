import type { CronJob, Job, JobSpec } from '@keelson/api/batch/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkChoice, checkNonNegative, checkPresent } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { checkPodTemplate } from '../pod/pod-validation.ts';
import { isSelected } from './template-validation.ts';

const MODES = ['Indexed', 'NonIndexed'];
const REPLACEMENT = ['Failed', 'TerminatingOrFailed'];
const CONCURRENCY = ['Allow', 'Forbid', 'Replace'];
const MAX_INT32 = 2_147_483_647;
const MAX_CRON_NAME = 52;
const UID_LABEL = 'batch.kubernetes.io/controller-uid';

export const jobStrategy: Strategy<Job> = {
  setDefaults(job) {
    if (job.spec === undefined) return;
    setJobSpecDefaults(job.spec);
    const labels = job.spec.template?.metadata?.labels;
    if (labels !== undefined && job.metadata !== undefined && Object.keys(job.metadata.labels ?? {}).length === 0)
      job.metadata.labels = { ...labels };
  },
  prepareForCreate(job) {
    job.status = {};
    if (job.spec !== undefined && job.spec.manualSelector !== true) generateSelector(job, job.spec);
  },
  validate: ({ spec }) => Field.collect((at) => checkJob(spec, at.child('spec'))),
  validateUpdate: (job, old) => Field.collect((at) => checkJobUpdate(job.spec, old.spec, at.child('spec'))),
  fieldValues: { 'status.successful': (job) => String(job.status?.succeeded ?? 0) },
  defaultPropagation: 'Orphan',
};

function setJobSpecDefaults(spec: JobSpec): void {
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed';
  for (const rule of spec.podFailurePolicy?.rules ?? []) {
    for (const pattern of rule.onPodConditions ?? []) pattern.status ||= 'True';
  }
  setPodTemplateDefaults(spec.template);
}

/** A Job finds its pods by its own uid, so that no two Jobs can ever claim the same pod. */
function generateSelector({ metadata = {} }: Job, spec: JobSpec): void {
  const { uid = '', name = '' } = metadata;
  spec.template ??= {};
  spec.template.metadata ??= {};
  spec.template.metadata.labels = {
    ...spec.template.metadata.labels,
    'job-name': name,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    [UID_LABEL]: uid,
  };
  spec.selector ??= {};
  spec.selector.matchLabels = { ...spec.selector.matchLabels, [UID_LABEL]: uid };
}

function checkJob(spec: JobSpec | undefined, at: Field): void {
  if (spec?.selector === undefined) at.child('selector').required();
  else checkLabelSelector(spec.selector, at.child('selector'));
  const labels = spec?.template?.metadata?.labels;
  if (spec?.selector !== undefined && !isSelected(spec.selector, labels)) {
    at.child('template').child('metadata').child('labels').invalid(labels, '`selector` does not match template `labels`');
  }
  checkJobSpec(spec, at);
}

function checkJobSpec(spec: JobSpec | undefined, at: Field): void {
  for (const name of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    checkNonNegative(spec?.[name], at, name);
  }
  const mode = spec?.completionMode;
  if (mode !== undefined && !MODES.includes(mode)) at.child('completionMode').notSupported(mode, MODES);
  if (mode === 'Indexed' && spec?.completions === undefined) at.child('completions').required('when completion mode is Indexed');
  const replacement = spec?.podReplacementPolicy;
  if (replacement !== undefined && !REPLACEMENT.includes(replacement))
    at.child('podReplacementPolicy').notSupported(replacement, REPLACEMENT);
  checkPodTemplate(spec?.template, at.child('template'));
  const restartPolicy = spec?.template?.spec?.restartPolicy;
  if (restartPolicy === 'Always')
    at.child('template').child('spec').child('restartPolicy').required('valid values: "OnFailure", "Never"');
  if (spec?.podFailurePolicy !== undefined && restartPolicy !== 'Never') {
    at.child('template')
      .child('spec')
      .child('restartPolicy')
      .invalid(restartPolicy, 'only "Never" is supported when podFailurePolicy is specified');
  }
}

function checkJobUpdate(spec: JobSpec | undefined, old: JobSpec | undefined, at: Field): void {
  const isElastic = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (spec?.completions !== old?.completions && !isElastic)
    at.child('completions').invalid(spec?.completions, 'field is immutable');
  for (const name of [
    'selector',
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    if (!sameJson(spec?.[name], old?.[name])) at.child(name).invalid(spec?.[name], 'field is immutable');
  }
  const isMutable = old?.suspend === true;
  if (!isMutable && !sameJson(spec?.template, old?.template)) at.child('template').invalid(spec?.template, 'field is immutable');
}

export const cronJobStrategy: Strategy<CronJob> = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    setPodTemplateDefaults(spec.jobTemplate?.spec?.template);
  },
  prepareForCreate: (job) => void (job.status = {}),
  validate: (job) =>
    Field.collect((root) => {
      const name = job.metadata?.name ?? '';
      if (name.length > MAX_CRON_NAME)
        root.child('metadata').child('name').invalid(name, `must be no more than ${MAX_CRON_NAME} characters`);
      checkCronJob(job, root.child('spec'));
    }),
};

function checkCronJob({ spec }: CronJob, at: Field): void {
  if (checkPresent(spec?.schedule, at, 'schedule')) checkSchedule(spec?.schedule ?? '', at.child('schedule'));
  if (spec?.timeZone !== undefined) checkTimeZone(spec.timeZone, at.child('timeZone'));
  checkNonNegative(spec?.startingDeadlineSeconds, at, 'startingDeadlineSeconds');
  checkNonNegative(spec?.successfulJobsHistoryLimit, at, 'successfulJobsHistoryLimit');
  checkNonNegative(spec?.failedJobsHistoryLimit, at, 'failedJobsHistoryLimit');
  checkChoice(spec?.concurrencyPolicy, CONCURRENCY, () => at.child('concurrencyPolicy'));
  const template = at.child('jobTemplate').child('spec');
  checkJobSpec(spec?.jobTemplate?.spec, template);
  if (spec?.jobTemplate?.spec?.manualSelector === true) template.child('manualSelector').notSupported(true, ['nil', 'false']);
}

const MACRO = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/;
const CRON_FIELD = /^[A-Za-z0-9*?,/-]+$/;

function checkSchedule(schedule: string, at: Field): void {
  if (schedule.includes('TZ')) return at.invalid(schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  if (MACRO.test(schedule)) return;
  if (schedule.startsWith('@')) return at.invalid(schedule, `unrecognized descriptor: ${schedule}`);
  const fields = schedule.trim().split(/\s+/);
  if (fields.length !== 5)
    return at.invalid(schedule, `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const wrong = fields.find((field) => !CRON_FIELD.test(field));
  if (wrong !== undefined) at.invalid(schedule, `failed to parse int from ${wrong}`);
}

function checkTimeZone(zone: string, at: Field): void {
  if (zone === '') return at.invalid(zone, 'timeZone must be nil or non-empty string');
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    at.invalid(zone, `unknown time zone ${zone}`);
  }
}
