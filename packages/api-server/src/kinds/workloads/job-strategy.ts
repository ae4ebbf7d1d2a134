import { cloneJson, isDnsLabel } from '@keelson/api';
import type { Job, JobSpec } from '@keelson/api/batch/v1';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkDomainPrefixedPath, checkFixed, checkNonNegative, MAX_INT32 } from '../../validation/checks.ts';
import { Field } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { checkPodTemplate } from '../pod/pod-validation.ts';
import { checkFailurePolicy, checkSuccessPolicy } from './job-policies.ts';
import { validateJobStatusUpdate } from './job-status.ts';
import { checkSelected, isSelected } from './template-validation.ts';
import { hasChanged, jobSpecWarnings, nameWarnings } from '../warnings/workload-warnings.ts';

const MODES = ['NonIndexed', 'Indexed'];
const RESTART_POLICIES = ['OnFailure', 'Never'];
const REPLACEMENT = ['Failed', 'TerminatingOrFailed'];
const MAX_MANAGER_BYTES = 63;
const MAX_PARALLEL = 100_000;
/** Above so many completions a Job with a back-off for each index may run and fail only so many at once. */
const MANY_COMPLETIONS = 100_000;
const MAX_OF_MANY = 10_000;
const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
const OLD_UID_LABEL = 'controller-uid';
const OLD_NAME_LABEL = 'job-name';

export const jobStrategy: Strategy<Job> = {
  warnings: (job, old) => [...(old ? [] : nameWarnings(job)), ...(hasChanged(job, old) ? jobSpecWarnings(job.spec, 'spec') : [])],
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
  validateCreate: (job) => Field.collect((at) => checkNewJob(job, at)),
  validateUpdate: (job, old) => Field.collect((at) => checkJobUpdate(job.spec, old, at.child('spec'))),
  validateStatusUpdate: validateJobStatusUpdate,
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
  setPodTemplateDefaults((spec.template ??= {}));
}

/** A Job finds its pods by its own uid, so that no two Jobs can ever claim the same pod. */
function generateSelector({ metadata = {} }: Job, spec: JobSpec): void {
  spec.template ??= {};
  spec.template.metadata ??= {};
  // Labels that a client has set are kept: validation refuses them unless they say the same.
  spec.template.metadata.labels = { ...generatedLabels(metadata), ...spec.template.metadata.labels };
  spec.selector ??= {};
  spec.selector.matchLabels = { [UID_LABEL]: metadata.uid ?? '', ...spec.selector.matchLabels };
}

function generatedLabels({ uid = '', name = '' }: NonNullable<Job['metadata']>): Record<string, string> {
  return { [OLD_UID_LABEL]: uid, [OLD_NAME_LABEL]: name, [UID_LABEL]: uid, [NAME_LABEL]: name };
}

function checkJob(spec: JobSpec | undefined, at: Field): void {
  checkJobSpec(spec, at);
  if (spec?.selector === undefined) at.child('selector').required();
  else checkLabelSelector(spec.selector, at.child('selector'));
  checkSelected(spec?.template, spec?.selector, at.child('template'));
}

function checkNewJob({ metadata = {}, spec }: Job, root: Field): void {
  if (spec?.manualSelector !== true) checkGenerated(metadata, spec, root.child('spec'));
  const { completions = 0, completionMode } = spec ?? {};
  if (completionMode !== 'Indexed' || completions <= 0) return;
  // The last of its pods has the longest name.
  const hostname = `${metadata.name ?? ''}-${completions - 1}`;
  if (isDnsLabel(hostname).length === 0) return;
  const problem = `will not able to create pod with invalid DNS label: ${hostname}`;
  root
    .child('metadata')
    .child('name')
    .invalid(metadata.name ?? '', problem);
}

/** The labels that were put in when the Job was made must stay, or it would lose its pods. */
function checkGenerated(metadata: NonNullable<Job['metadata']>, spec: JobSpec | undefined, at: Field): void {
  if (spec?.selector === undefined) return;
  const expected = generatedLabels(metadata);
  const labels = at.child('template').child('metadata').child('labels');
  const actual = spec.template?.metadata?.labels;
  for (const [key, value] of Object.entries(expected)) {
    if (actual?.[key] === undefined) labels.key(key).required(`must be '${value}'`);
    else if (actual[key] !== value) labels.key(key).invalid(actual, `must be '${value}'`);
  }
  if (!isSelected(spec.selector, expected)) at.child('selector').invalid(spec.selector, '`selector` not auto-generated');
}

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;

/** What a Job and the template of a CronJob's Jobs must hold. */
export function checkJobSpec(spec: JobSpec | undefined, at: Field): void {
  for (const name of COUNTS) checkNonNegative(spec?.[name], at, name);
  if (spec?.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    at.child('backoffLimitPerIndex').required('when maxFailedIndexes is specified');
  if (spec?.managedBy !== undefined) {
    checkDomainPrefixedPath(spec.managedBy, at.child('managedBy'));
    if (Buffer.byteLength(spec.managedBy) > MAX_MANAGER_BYTES) at.child('managedBy').tooLong(MAX_MANAGER_BYTES);
  }
  checkMode(spec, at);
  if (spec?.podFailurePolicy !== undefined) checkFailurePolicy(spec, at);
  if (spec?.successPolicy !== undefined) checkSuccessPolicy(spec, at);
  const replacement = spec?.podReplacementPolicy;
  const replacements = spec?.podFailurePolicy === undefined ? REPLACEMENT : REPLACEMENT.slice(0, 1);
  if (replacement !== undefined && !replacements.includes(replacement))
    at.child('podReplacementPolicy').notSupported(replacement, replacements);
  checkPodTemplate(spec?.template, at.child('template'));
  checkRestartPolicy(spec, at.child('template').child('spec').child('restartPolicy'));
}

function checkMode(spec: JobSpec | undefined, at: Field): void {
  const { completionMode = 'NonIndexed', backoffLimitPerIndex, maxFailedIndexes } = spec ?? {};
  if (!MODES.includes(completionMode)) at.child('completionMode').notSupported(completionMode, MODES);
  if (completionMode === 'Indexed') checkIndexed(spec ?? {}, at);
  if (completionMode !== 'NonIndexed') return;
  const problem = 'requires indexed completion mode';
  if (backoffLimitPerIndex !== undefined) at.child('backoffLimitPerIndex').invalid(backoffLimitPerIndex, problem);
  if (maxFailedIndexes !== undefined) at.child('maxFailedIndexes').invalid(maxFailedIndexes, problem);
}

function checkIndexed(spec: Partial<JobSpec>, at: Field): void {
  const { completions, parallelism = 0, maxFailedIndexes, backoffLimitPerIndex } = spec;
  if (completions === undefined) at.child('completions').required('when completion mode is Indexed');
  const most = (name: 'parallelism' | 'maxFailedIndexes', limit: string): void =>
    at.child(name).invalid(spec[name], `must be less than or equal to ${limit}`);
  if (parallelism > MAX_PARALLEL) most('parallelism', `${MAX_PARALLEL} when completion mode is Indexed`);
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    most('maxFailedIndexes', 'completions');
  if ((maxFailedIndexes ?? 0) > MAX_PARALLEL) most('maxFailedIndexes', String(MAX_PARALLEL));
  if ((completions ?? 0) <= MANY_COMPLETIONS || backoffLimitPerIndex === undefined) return;
  const limit = `${MAX_OF_MANY} when completions are above ${MANY_COMPLETIONS} and used with backoff limit per index`;
  if (maxFailedIndexes === undefined)
    at.child('maxFailedIndexes').required(`must be specified when completions is above ${MANY_COMPLETIONS}`);
  if (parallelism > MAX_OF_MANY) most('parallelism', limit);
  if ((maxFailedIndexes ?? 0) > MAX_OF_MANY) most('maxFailedIndexes', limit);
}

function checkRestartPolicy(spec: JobSpec | undefined, at: Field): void {
  const policy = spec?.template?.spec?.restartPolicy ?? '';
  if (policy === 'Always' || policy === '') at.required('valid values: "OnFailure", "Never"');
  else if (!RESTART_POLICIES.includes(policy)) at.notSupported(policy, RESTART_POLICIES);
  else if (spec?.podFailurePolicy !== undefined && policy !== 'Never')
    at.invalid(policy, 'only "Never" is supported when podFailurePolicy is specified');
}

const IMMUTABLE = ['completionMode', 'podFailurePolicy', 'backoffLimitPerIndex', 'managedBy', 'successPolicy'] as const;

function checkJobUpdate(spec: JobSpec | undefined, oldJob: Readonly<Job>, at: Field): void {
  const old = oldJob.spec;
  if (spec?.completionMode !== 'Indexed') checkFixed(spec?.completions, old?.completions, at, 'completions');
  else if (spec.completions !== old?.completions && spec.completions !== undefined && spec.completions !== spec.parallelism)
    at.child('completions').invalid(spec.completions, 'can only be modified in tandem with spec.parallelism');
  checkFixed(spec?.selector, old?.selector, at, 'selector');
  const isMutable = old?.suspend === true && oldJob.status?.startTime === undefined;
  const before = isMutable ? withMutableParts(old.template, spec?.template) : old?.template;
  checkFixed(spec?.template, before, at, 'template');
  for (const name of IMMUTABLE) checkFixed(spec?.[name], old?.[name], at, name);
}

/** `old` with everything of `template` that may change as long as a Job has not begun: where its pods may run, and with what. */
function withMutableParts(old: PodTemplateSpec | undefined, template: PodTemplateSpec | undefined): PodTemplateSpec {
  const next: PodTemplateSpec = cloneJson(old ?? {});
  const { labels, annotations } = template?.metadata ?? {};
  next.metadata = { ...next.metadata, labels, annotations };
  const [before, now] = [next.spec, template?.spec];
  if (before === undefined || now === undefined) return next;
  const affinity = { ...before.affinity, nodeAffinity: now.affinity?.nodeAffinity };
  if (now.affinity !== undefined || Object.values(affinity).some((part) => part !== undefined)) before.affinity = affinity;
  else delete before.affinity;
  for (const name of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) Object.assign(before, { [name]: now[name] });
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [position, container] of (before[list] ?? []).entries()) container.resources = now[list]?.[position]?.resources;
  }
  return next;
}
