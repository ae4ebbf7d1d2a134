import type { HorizontalPodAutoscalerSpec, MetricStatus } from '@keelson/api/autoscaling/v2';
import { evaluate, type Evaluation, type EvaluationContext } from './metric-evaluation.ts';

/** What all metrics of an autoscaler say together. */
export interface MetricRound {
  /** In the order of the metrics; those that cannot be had have no type. */
  readonly statuses: readonly MetricStatus[];
  readonly failures: readonly Extract<Evaluation, { type: 'failure' }>[];
  /** The most that any of them asks for; `undefined` if that must not be followed. */
  readonly proposal: { readonly replicas: number; readonly name: string } | undefined;
  /** Of the failures, if there are any. */
  readonly error: string | undefined;
}

/**
 * The metric that asks for the most wins. While some cannot be had, there may be more pods than the others ask for, but not fewer: who is missing
 * might ask for more.
 */
export async function metricRound(
  { metrics = [] }: HorizontalPodAutoscalerSpec,
  context: EvaluationContext,
): Promise<MetricRound> {
  const all = await Promise.all(metrics.map((metric) => evaluate(metric, context)));
  const proposals = all.filter((each) => each.type === 'proposal');
  const failures = all.filter((each) => each.type === 'failure');
  const [first, ...others] = proposals;
  const most = others.reduce((best, each) => (each.replicas > (best?.replicas ?? 0) ? each : best), first);
  const isSafe = failures.length === 0 || (most?.replicas ?? 0) >= context.situation.currentReplicas;
  const [failure] = failures;
  return {
    statuses: all.map((each) => (each.type === 'proposal' ? each.status : { type: '' })),
    failures,
    proposal: most && isSafe ? { replicas: most.replicas, name: most.name } : undefined,
    error: failure && `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${failure.message}`,
  };
}
