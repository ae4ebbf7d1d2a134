import { setCondition } from '@keelson/api';
import type { HorizontalPodAutoscalerCondition } from '@keelson/api/autoscaling/v2';
import type { Stabilized } from './scaling-history.ts';
import type { Limited } from './within-limits.ts';

const STABILIZED: Readonly<Record<Stabilized['reason'], string>> = {
  ReadyForNewScale: 'recommended size matches current size',
  ScaleUpStabilized: 'recent recommendations were lower than current one, applying the lowest recent recommendation',
  ScaleDownStabilized: 'recent recommendations were higher than current one, applying the highest recent recommendation',
};

const LIMITED: Readonly<Record<Limited['reason'], string>> = {
  DesiredWithinRange: 'the desired count is within the acceptable range',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
};

type Type = 'AbleToScale' | 'ScalingActive' | 'ScalingLimited';

/** The conditions of an autoscaler while it is looked at: in the order in which they were first set, with upstream's reasons and messages. */
export class AutoscalerConditions {
  readonly #nowMs: number;
  #list: readonly HorizontalPodAutoscalerCondition[];

  constructor(known: readonly HorizontalPodAutoscalerCondition[] | undefined, nowMs: number) {
    this.#list = known ?? [];
    this.#nowMs = nowMs;
  }

  get list(): readonly HorizontalPodAutoscalerCondition[] {
    return this.#list;
  }

  set(type: Type, status: 'True' | 'False', reason: string, message: string): void {
    this.#list = setCondition(this.#list, { type, status, reason, message }, this.#nowMs);
  }

  scaleIsKnown(): void {
    this.set('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
  }

  scaleIsUnknown(why: string): void {
    const message = `the HPA controller was unable to get the target's current scale: ${why}`;
    this.set('AbleToScale', 'False', 'FailedGetScale', message);
  }

  disabled(): void {
    const message = 'scaling is disabled since the replica count of the target is zero';
    this.set('ScalingActive', 'False', 'ScalingDisabled', message);
  }

  /** A metric cannot be had. */
  inactive(reason: string, why: string): void {
    this.set('ScalingActive', 'False', reason, `the HPA was unable to compute the replica count: ${why}`);
  }

  active(metric: string): void {
    const message = `the HPA was able to successfully calculate a replica count from ${metric}`;
    this.set('ScalingActive', 'True', 'ValidMetricFound', message);
  }

  stabilized({ reason }: Stabilized): void {
    this.set('AbleToScale', 'True', reason, STABILIZED[reason]);
  }

  limited({ reason }: Limited): void {
    this.set('ScalingLimited', reason === 'DesiredWithinRange' ? 'False' : 'True', reason, LIMITED[reason]);
  }

  rescaled(replicas: number): void {
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    this.set('AbleToScale', 'True', 'SucceededRescale', message);
  }

  notRescaled(why: string): void {
    this.set('AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${why}`);
  }
}
