import { parseJson, stringifyJson, type KubernetesObject } from '@keelson/api';
import type { HorizontalPodAutoscaler as AutoscalerV1 } from '@keelson/api/autoscaling/v1';
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from '@keelson/api/autoscaling/v2';
import { metricFromV1, metricToV1 } from './metric-shapes.ts';

/** Annotations in which v1 carries what it has no fields for. */
const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const CURRENT_METRICS = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';
const ALL = [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR];

/** An autoscaler of `autoscaling/v1` as v2 has it. */
export function autoscalerToV2(object: KubernetesObject): KubernetesObject {
  const { metadata, spec, status, ...rest } = object as AutoscalerV1;
  const { targetCPUUtilizationPercentage: target, ...specRest } = spec ?? {};
  const { currentCPUUtilizationPercentage: current, ...statusRest } = status ?? {};
  const read = (name: string): unknown => parsed(metadata?.annotations?.[name]);
  const metrics = [...listFromV1(read(METRICS), 'spec'), ...(target === undefined ? [] : [cpu({ target: goal(target) })])];
  const currentMetrics = listFromV1(read(CURRENT_METRICS), 'status');
  if (current !== undefined && !currentMetrics.some((metric) => isCpu(metric as MetricStatus))) {
    currentMetrics.push(cpu({ current: { averageUtilization: current } }));
  }
  const conditions = read(CONDITIONS);
  const behavior = read(BEHAVIOR);
  return {
    ...rest,
    apiVersion: 'autoscaling/v2',
    ...(metadata && { metadata: withoutAnnotations(metadata) }),
    ...(spec && { spec: { ...specRest, ...(metrics.length > 0 && { metrics }), ...(isRecord(behavior) && { behavior }) } }),
    ...(status && {
      status: {
        ...statusRest,
        ...(currentMetrics.length > 0 && { currentMetrics }),
        ...(Array.isArray(conditions) && { conditions }),
      },
    }),
  } as KubernetesObject;
}

/** An autoscaler of `autoscaling/v2` as v1 has it. */
export function autoscalerFromV2(object: Readonly<KubernetesObject>): KubernetesObject {
  const { metadata, spec, status, ...rest } = object as HorizontalPodAutoscaler;
  const { metrics = [], behavior, ...specRest } = spec ?? {};
  const { currentMetrics = [], conditions = [], ...statusRest } = status ?? {};
  const target = metrics.find(isCpu)?.resource?.target?.averageUtilization;
  const current = currentMetrics.find(isCpu)?.resource?.current?.averageUtilization;
  const others = metrics.filter((metric) => !isCpu(metric));
  const annotations = {
    ...(others.length > 0 && { [METRICS]: listToV1(others, 'spec') }),
    ...(currentMetrics.length > 0 && { [CURRENT_METRICS]: listToV1(currentMetrics, 'status') }),
    ...(conditions.length > 0 && { [CONDITIONS]: stringifyJson(conditions) }),
    ...(behavior && { [BEHAVIOR]: stringifyJson(behavior) }),
  };
  const isExtended = Object.keys(annotations).length > 0;
  return {
    ...rest,
    apiVersion: 'autoscaling/v1',
    metadata: isExtended ? { ...metadata, annotations: { ...metadata?.annotations, ...annotations } } : metadata,
    ...(spec && { spec: { ...specRest, ...(target !== undefined && { targetCPUUtilizationPercentage: target }) } }),
    ...(status && { status: { ...statusRest, ...(current !== undefined && { currentCPUUtilizationPercentage: current }) } }),
  } as KubernetesObject;
}

function listFromV1(value: unknown, part: 'spec' | 'status'): object[] {
  return Array.isArray(value) ? value.filter(isRecord).map((metric) => metricFromV1(metric, part)) : [];
}

function listToV1(metrics: readonly (MetricSpec | MetricStatus)[], part: 'spec' | 'status'): string {
  return stringifyJson(metrics.map((metric) => metricToV1({ ...metric }, part)));
}

/** The one metric that v1 has a field for. */
function isCpu(metric: MetricSpec | MetricStatus): boolean {
  if (metric.type !== 'Resource' || metric.resource?.name !== 'cpu') return false;
  const { resource } = metric;
  return (
    ('target' in resource ? resource.target : 'current' in resource ? resource.current : undefined)?.averageUtilization !==
    undefined
  );
}

function cpu(value: object): object {
  return { type: 'Resource', resource: { name: 'cpu', ...value } };
}

function goal(averageUtilization: number): object {
  return { type: 'Utilization', averageUtilization };
}

function withoutAnnotations(metadata: NonNullable<KubernetesObject['metadata']>): KubernetesObject['metadata'] {
  if (!metadata.annotations) return metadata;
  const { annotations, ...rest } = metadata;
  const left = Object.entries(annotations).filter(([name]) => !ALL.includes(name));
  return left.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(left) };
}

/** What a client wrote into an annotation may be anything: then it counts as nothing. */
function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
