import { controllerOf, humanDuration, parseTime, type KubernetesObject } from '@keelson/api';
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '@keelson/api/autoscaling/v2';
import type { Job } from '@keelson/api/batch/v1';
import { isConditionTrue, limitedList, NONE, UNKNOWN, type Cell } from './cell.ts';

function jobStatus(job: Job): string {
  const conditions = job.status?.conditions;
  if (isConditionTrue(conditions, 'Complete')) return 'Complete';
  if (isConditionTrue(conditions, 'Failed')) return 'Failed';
  if (job.metadata?.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((type) => isConditionTrue(conditions, type)) ?? 'Running';
}

function jobCompletions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration({ status }: Job, nowMs: number): string {
  const startMs = parseTime(status?.startTime);
  return startMs === undefined ? '' : humanDuration((parseTime(status?.completionTime) ?? nowMs) - startMs);
}

function hpaReference({ spec }: HorizontalPodAutoscaler): string {
  return `${spec?.scaleTargetRef.kind ?? ''}/${spec?.scaleTargetRef.name ?? ''}`;
}

/** The fields of autoscaling/v1, which has one metric. */
interface SingleMetric {
  readonly targetCPUUtilizationPercentage?: number;
  readonly currentCPUUtilizationPercentage?: number;
}

function hpaTargets({ spec, status }: HorizontalPodAutoscaler): string {
  const { targetCPUUtilizationPercentage: target } = (spec ?? {}) as SingleMetric;
  const { currentCPUUtilizationPercentage: current } = (status ?? {}) as SingleMetric;
  if (target !== undefined) return `cpu: ${current === undefined ? UNKNOWN : `${current}%`}/${target}%`;
  const metrics = spec?.metrics ?? [];
  if (metrics.length === 0) return NONE;
  const texts = metrics.map((metric, at) => metricText(metric, status?.currentMetrics?.[at]));
  return limitedList(texts, 2, ', ');
}

function metricText(metric: MetricSpec, status: MetricStatus | undefined): string {
  switch (metric.type) {
    case 'External':
      return averageOrValue(metric.external?.target, status?.external?.current);
    case 'Object':
      return averageOrValue(metric.object?.target, status?.object?.current);
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${metric.pods?.target.averageValue ?? ''}`;
    case 'Resource':
      return `${metric.resource?.name}: ${utilization(metric.resource?.target, status?.resource?.current)}`;
    case 'ContainerResource':
      return `${metric.containerResource?.name}: ${utilization(metric.containerResource?.target, status?.containerResource?.current)}`;
    default:
      return '<unknown type>';
  }
}

function averageOrValue(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
  return `${current?.value ?? UNKNOWN}/${target?.value ?? ''}`;
}

function utilization(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  const have = current?.averageUtilization === undefined ? UNKNOWN : `${current.averageUtilization}%`;
  return `${have}/${target?.averageUtilization === undefined ? '<auto>' : `${target.averageUtilization}%`}`;
}

function controllerRef(object: KubernetesObject): string {
  const owner = controllerOf(object);
  if (!owner) return NONE;
  const group = owner.apiVersion.includes('/') ? `.${owner.apiVersion.split('/')[0]}` : '';
  return `${owner.kind}${group}`.toLowerCase() + `/${owner.name}`;
}

interface ConditionsHolder extends KubernetesObject {
  readonly status?: { readonly conditions?: { readonly type: string; readonly status: string; readonly reason?: string }[] };
}

function migrationStatus({ status }: ConditionsHolder): string {
  return ['Running', 'Failed', 'Succeeded'].find((type) => isConditionTrue(status?.conditions, type)) ?? 'Unknown';
}

function podGroupStatus({ status }: ConditionsHolder): string {
  const condition = status?.conditions?.find(({ type }) => type === 'PodGroupScheduled');
  if (!condition) return 'Pending';
  return condition.status === 'True' ? 'Scheduled' : (condition.reason ?? 'Pending');
}

interface PodGroup extends KubernetesObject {
  readonly spec?: { readonly schedulingPolicy?: Readonly<Record<string, unknown>> };
}

function podGroupPolicy({ spec }: PodGroup): string {
  const policy = spec?.schedulingPolicy ?? {};
  return policy.gang ? 'Gang' : policy.basic ? 'Basic' : NONE;
}

export const WORKLOAD_CELLS: Readonly<Record<string, Cell>> = {
  jobStatus,
  jobCompletions,
  jobDuration,
  hpaReference,
  hpaTargets,
  controllerRef,
  migrationStatus,
  podGroupPolicy,
  podGroupStatus,
};
