import { labelSelectorFrom, parseQuantity, Quantity } from '@keelson/api';
import type { MetricSpec, MetricStatus, MetricTarget } from '@keelson/api/autoscaling/v2';
import type { LabelSelector } from '@keelson/api/meta/v1';
import { isPodReady } from '@keelson/api';
import { errorMessage, KeelsonError } from '@keelson/base';
import type { DescribedObject, MetricsReader, NamedMetric, Where } from './metrics-reader.ts';
import { podRequests } from './pod-requests.ts';
import {
  replicasByAverage,
  replicasByRatio,
  replicasByShare,
  replicasByUtilization,
  type Situation,
} from './replica-calculator.ts';

/** What one metric asks for, or why it cannot. */
export type Evaluation =
  | { readonly type: 'proposal'; readonly replicas: number; readonly name: string; readonly status: MetricStatus }
  | { readonly type: 'failure'; readonly reason: string; readonly message: string };

export interface EvaluationContext {
  readonly reader: MetricsReader;
  readonly where: Where;
  readonly situation: Situation;
  /** How many pods the scale says that there are. */
  readonly statusReplicas: number;
  readonly describe: (reference: {
    readonly apiVersion?: string | undefined;
    readonly kind: string;
    readonly name: string;
  }) => Promise<DescribedObject>;
}

type Proposal = Omit<Extract<Evaluation, { type: 'proposal' }>, 'type'>;

/** Never rejects: a metric that cannot be had is an ordinary outcome. */
export async function evaluate(spec: MetricSpec, context: EvaluationContext): Promise<Evaluation> {
  const known = KINDS[spec.type];
  if (!known) return { type: 'failure', reason: 'InvalidMetricSourceType', message: `invalid metric source type "${spec.type}"` };
  try {
    return { type: 'proposal', ...(await known.propose(spec, context)) };
  } catch (error) {
    return { type: 'failure', reason: known.reason, message: `${known.what(spec)}: ${errorMessage(error)}` };
  }
}

interface MetricKind {
  readonly reason: string;
  /** How a failure begins. */
  readonly what: (spec: MetricSpec) => string;
  readonly propose: (spec: MetricSpec, context: EvaluationContext) => Promise<Proposal>;
}

const KINDS: Readonly<Record<string, MetricKind>> = {
  Resource: {
    reason: 'FailedGetResourceMetric',
    what: ({ resource }) => usageText(resource),
    propose: async ({ type, resource }, context) => {
      const { name, target } = the(resource);
      const { replicas, current, how } = await byResource({ name, target }, context);
      return { replicas, name: `${name} resource${how}`, status: { type, resource: { name, current } } };
    },
  },
  ContainerResource: {
    reason: 'FailedGetContainerResourceMetric',
    what: ({ containerResource }) => usageText(containerResource),
    propose: async ({ type, containerResource }, context) => {
      const { name, container, target } = the(containerResource);
      const { replicas, current, how } = await byResource({ name, container, target }, context);
      return {
        replicas,
        name: `${name} container resource${how}`,
        status: { type, containerResource: { name, container, current } },
      };
    },
  },
  Pods: {
    reason: 'FailedGetPodsMetric',
    what: () => 'failed to get pods metric value',
    propose: async ({ type, pods }, { reader, where, situation }) => {
      const { metric, target } = the(pods);
      const samples = await named(metric, (each) => reader.pods(each, where));
      const milli = milliOf(target.averageValue);
      const { replicas, averageMilli } = replicasByAverage(samples, { resource: '', milli }, situation);
      const current = { averageValue: quantity(averageMilli) };
      return { replicas, name: `pods metric ${metric.name}`, status: { type, pods: { metric, current } } };
    },
  },
  Object: {
    reason: 'FailedGetObjectMetric',
    what: () => 'failed to get object metric value',
    propose: async ({ type, object }, context) => {
      const { metric, target, describedObject } = the(object);
      const subject = await context.describe(describedObject);
      const total = await named(metric, (each) => context.reader.object(each, subject, context.where.namespace));
      const { replicas, current } = byTotal(total, target, context);
      const name = `${describedObject.kind} metric ${metric.name}`;
      return { replicas, name, status: { type, object: { metric, describedObject, current } } };
    },
  },
  External: {
    reason: 'FailedGetExternalMetric',
    what: ({ external }) => `failed to get ${external?.metric.name ?? ''} external metric value`,
    propose: async ({ type, external }, context) => {
      const { metric, target } = the(external);
      const series = await named(metric, (each) => context.reader.external(each, context.where.namespace));
      const { replicas, current } = byTotal(
        series.reduce((sum, each) => sum + each, 0),
        target,
        context,
      );
      const name = `external metric ${metric.name}(${metric.selector ? labelSelectorFrom(metric.selector).toString() : 'nil'})`;
      return { replicas, name, status: { type, external: { metric, current } } };
    },
  },
};

interface ResourceTarget {
  readonly name: string;
  readonly container?: string;
  readonly target: MetricTarget;
}

async function byResource(
  { name, container, target }: ResourceTarget,
  { reader, where, situation }: EvaluationContext,
): Promise<{ replicas: number; current: object; how: string }> {
  const samples = await reader.resource(name, where, container).catch((error: unknown) => {
    throw new KeelsonError('ServiceUnavailable', `unable to get metrics for resource ${name}: ${errorMessage(error)}`, {
      cause: error,
    });
  });
  const { averageUtilization: percent } = target;
  if (target.averageValue !== undefined) {
    const milli = milliOf(target.averageValue);
    const { replicas, averageMilli } = replicasByAverage(samples, { resource: name, milli }, situation);
    return { replicas, current: { averageValue: quantity(averageMilli) }, how: '' };
  }
  if (percent === undefined) throw new KeelsonError('BadRequest', 'neither a utilization target nor a value target was set');
  const requests = podRequests(situation.pods, name, container);
  const target_ = { resource: name, percent, requests };
  const { replicas, utilization, averageMilli } = replicasByUtilization(samples, target_, situation);
  const current = { averageUtilization: utilization, averageValue: quantity(averageMilli) };
  return { replicas, current, how: ' utilization (percentage of request)' };
}

/** Of a metric that is not of pods: as a whole, or divided among them. */
function byTotal(
  totalMilli: number,
  { value, averageValue }: MetricTarget,
  { situation, statusReplicas }: EvaluationContext,
): { replicas: number; current: object } {
  if (value !== undefined) {
    const readyCount = (): number => situation.pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length;
    const replicas = replicasByRatio(totalMilli / milliOf(value), readyCount, situation);
    return { replicas, current: { value: quantity(totalMilli) } };
  }
  const share = { targetMilli: milliOf(averageValue), statusReplicas, tolerance: situation.tolerance };
  const { replicas, averageMilli } = replicasByShare(totalMilli, share);
  return { replicas, current: { averageValue: quantity(averageMilli) } };
}

interface Identified {
  readonly name: string;
  readonly selector?: LabelSelector | undefined;
}

async function named<T>({ name, selector }: Identified, read: (metric: NamedMetric) => Promise<T>): Promise<T> {
  try {
    return await read({ name, selector: selector ? labelSelectorFrom(selector).toString() : '' });
  } catch (error) {
    throw new KeelsonError('ServiceUnavailable', `unable to get metric ${name}: ${errorMessage(error)}`, { cause: error });
  }
}

function usageText(source: { readonly name: string; readonly target: MetricTarget } | undefined): string {
  const { name = '', target } = source ?? {};
  return `failed to get ${name} ${target?.averageValue === undefined ? 'utilization' : 'usage'}`;
}

/** Validation has seen to it that there is one. */
function the<T>(source: T | undefined): T {
  if (source === undefined) throw new KeelsonError('BadRequest', 'the metric has no source of its type');
  return source;
}

function milliOf(amount: string | undefined): number {
  return Number(parseQuantity(amount ?? '0').milliValue());
}

function quantity(milli: number): string {
  return new Quantity(BigInt(Math.trunc(milli)) * 1_000_000n, 'DecimalSI').toString();
}
