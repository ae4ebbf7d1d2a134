import type { Descriptions } from './shared.ts';

/** Jobs and CronJobs. */
export const BATCH: Descriptions = {
  'batch.v1.CronJob': {
    '': 'Makes a Job at set times.',
  },
  'batch.v1.CronJobSpec': {
    '': 'What is wanted of a CronJob.',
    concurrencyPolicy:
      'What to do when a run is due while another goes on: `Allow` starts it, `Forbid` leaves it out, `Replace` ends the one before.',
    failedJobsHistoryLimit: 'How many failed Jobs to keep. Defaults to 1.',
    jobTemplate: 'What each Job is made from.',
    schedule: 'When, as five fields: minute, hour, day of the month, month, day of the week.',
    startingDeadlineSeconds: 'How many seconds late a run may begin. One that is later is missed.',
    successfulJobsHistoryLimit: 'How many completed Jobs to keep. Defaults to 3.',
    suspend: 'Begin no more runs. Those that go on are left alone.',
    timeZone: 'The time zone of the schedule, such as `Europe/Berlin`; that of the controller if absent.',
  },
  'batch.v1.CronJobStatus': {
    '': 'What was last observed of a CronJob.',
    active: 'Jobs that run now.',
    lastScheduleTime: 'When a run was last due and begun.',
    lastSuccessfulTime: 'When a Job last completed.',
  },
  'batch.v1.Job': {
    '': 'Runs pods until so many have succeeded.',
  },
  'batch.v1.JobCondition': {
    '': 'One aspect of the state of a Job.',
    type: '`Suspended`, `SuccessCriteriaMet`, `Complete`, `FailureTarget` or `Failed`.',
  },
  'batch.v1.JobSpec': {
    '': 'What is wanted of a Job.',
    activeDeadlineSeconds: 'How many seconds the Job may take, from its start on, before it fails and its pods are ended.',
    backoffLimit: 'How many failures of pods there may be before the Job fails. Defaults to 6.',
    backoffLimitPerIndex: 'How many failures of pods of one index there may be before that index fails. For indexed Jobs.',
    completionMode: '`NonIndexed`: any so many successes complete the Job. `Indexed`: each index from 0 on needs one.',
    completions: 'How many pods have to succeed. If absent, the success of one is that of all.',
    managedBy: 'Who looks after the Job, if it is not the controller that comes with the cluster. Cannot be changed.',
    manualSelector: 'The selector is given by the user, who sees to it that no other pods match.',
    maxFailedIndexes: 'How many indexes may fail before the Job does.',
    parallelism: 'How many pods may run at the same time. Defaults to 1.',
    podFailurePolicy: 'What failures of pods mean, by their exit codes and conditions.',
    podReplacementPolicy:
      'When a pod is replaced: `TerminatingOrFailed` as soon as it begins to go, `Failed` only when it has ended.',
    selector: 'Which pods are its own. Made by the system, as a rule.',
    successPolicy: 'When the Job has succeeded, though not all indexes have.',
    suspend: 'Run no pods. Those that run are ended, and the Job begins anew once this is taken back.',
    template: 'What each pod is made from. Its restart policy is `Never` or `OnFailure`.',
    ttlSecondsAfterFinished: 'How many seconds after its end the Job is deleted. If absent, it stays.',
  },
  'batch.v1.JobStatus': {
    '': 'What was last observed of a Job.',
    active: 'Pods that wait or run.',
    completedIndexes: 'Indexes that have succeeded, such as `1,3-5`.',
    completionTime: 'When the Job completed. Not set if it failed.',
    failed: 'Pods that have failed.',
    failedIndexes: 'Indexes that have failed, such as `1,3-5`.',
    ready: 'Active pods that are ready.',
    startTime: 'When the Job began; again after it was suspended.',
    succeeded: 'Pods that have succeeded.',
    terminating: 'Pods that are on their way out.',
    uncountedTerminatedPods: 'Pods that have ended and are not counted yet.',
  },
  'batch.v1.JobTemplateSpec': {
    '': 'What Jobs are made from.',
  },
  'batch.v1.PodFailurePolicy': {
    '': "What failures of a Job's pods mean.",
    rules: 'Tried in order. The first that matches decides; if none does, the failure counts.',
  },
  'batch.v1.PodFailurePolicyOnExitCodesRequirement': {
    '': 'Matches pods by the exit codes of their containers.',
    containerName: 'The container that is meant; all if absent.',
    operator: '`In` or `NotIn`.',
    values: 'The exit codes, without 0 for `In`.',
  },
  'batch.v1.PodFailurePolicyOnPodConditionsPattern': {
    '': 'Matches pods by one of their conditions.',
    status: 'The status that the condition must have. Defaults to `True`.',
    type: 'Which condition.',
  },
  'batch.v1.PodFailurePolicyRule': {
    '': 'What to do about failed pods that match.',
    action: '`FailJob` ends the Job, `FailIndex` the index, `Ignore` does not count the failure, `Count` does.',
    onExitCodes: 'Matches by exit codes.',
    onPodConditions: 'Matches if one of these conditions does.',
  },
  'batch.v1.SuccessPolicy': {
    '': 'When an indexed Job has succeeded.',
    rules: 'One that holds is enough.',
  },
  'batch.v1.SuccessPolicyRule': {
    '': 'Which indexes have to succeed, or how many of them.',
    succeededCount: 'How many of the indexes have to succeed; all that are named if absent.',
    succeededIndexes: 'The indexes that count, such as `0,2-4`; all if absent.',
  },
  'batch.v1.UncountedTerminatedPods': {
    '': 'Pods that have ended and are not counted in the status yet.',
    failed: 'The uids of those that failed.',
    succeeded: 'The uids of those that succeeded.',
  },
};
