import { cloneJson, isDnsSubdomain } from '@keelson/api';
import type { PodDisruptionBudget } from '@keelson/api/policy/v1';
import type { PriorityClass } from '@keelson/api/scheduling/v1';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, HPAScalingRules } from '@keelson/api/autoscaling/v2';
import type { RuntimeClass } from '@keelson/api/node/v1';
import type { Strategy } from '../../registry/strategy.ts';
import {
  checkIntOrPercent,
  checkAtMostAll,
  checkNamed,
  checkOptionalChoice,
  checkPresent,
  MAX_INT32,
} from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';

const PREEMPTION = ['Never', 'PreemptLowerPriority'];
const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];
const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM_CLASSES: ReadonlyMap<string, number> = new Map([
  ['system-cluster-critical', 2_000_000_000],
  ['system-node-critical', 2_000_001_000],
]);

export const priorityClassStrategy: Strategy<PriorityClass> = {
  setDefaults: (priority) => void (priority.preemptionPolicy ??= 'PreemptLowerPriority'),
  validate: (priority) =>
    Field.collect((at) => {
      const name = priority.metadata?.name ?? '';
      const value = priority.value ?? 0;
      if (name.startsWith('system-')) {
        if (SYSTEM_CLASSES.get(name) !== value) {
          at.child('metadata')
            .child('name')
            .forbidden(
              "priority class names with 'system-' prefix are reserved for system use only. error: " + systemProblem(name),
            );
        }
      } else if (value > HIGHEST_USER_PRIORITY) {
        at.child('value').forbidden(`maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`);
      }
      checkOptionalChoice(priority.preemptionPolicy, PREEMPTION, () => at.child('preemptionPolicy'));
    }),
  validateUpdate: (priority, old) =>
    Field.collect((at) => {
      if ((priority.value ?? 0) !== (old.value ?? 0)) at.child('value').forbidden('may not be changed in an update.');
      if (priority.preemptionPolicy !== old.preemptionPolicy)
        at.child('preemptionPolicy').invalid(priority.preemptionPolicy, 'field is immutable');
    }),
  hasGeneration: true,
  generationChanged: contentChanged,
};

function systemProblem(name: string): string {
  return SYSTEM_CLASSES.has(name)
    ? `value of ${name} PriorityClass must be ${SYSTEM_CLASSES.get(name)}`
    : `${name} is not a known system priority class`;
}

/** For kinds without a spec: whether anything but the metadata differs. */
export function contentChanged(object: object, old: object): boolean {
  return !sameJson({ ...object, metadata: undefined }, { ...old, metadata: undefined });
}

export const disruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  prepareForCreate: (budget) =>
    void (budget.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      if (spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
        at.invalid(spec, 'minAvailable and maxUnavailable cannot be both set');
      }
      for (const name of ['minAvailable', 'maxUnavailable'] as const) {
        checkIntOrPercent(spec?.[name], at, name);
        checkAtMostAll(spec?.[name], at, name);
      }
      checkLabelSelector(spec?.selector, at.child('selector'));
      checkOptionalChoice(spec?.unhealthyPodEvictionPolicy, EVICTION_POLICIES, () => at.child('unhealthyPodEvictionPolicy'));
    }),
  allowUnconditionalUpdate: false,
};

const NO_AUTOSCALING_V1_METRICS = [
  { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
];

/** Of the stored version, `autoscaling/v2`. */
export const autoscalerStrategy: Strategy<HorizontalPodAutoscaler> = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.minReplicas ??= 1;
    if ((spec.metrics ?? []).length === 0) spec.metrics = cloneJson(NO_AUTOSCALING_V1_METRICS);
    setBehaviorDefaults(spec);
  },
  prepareForCreate: (scaler) => void (scaler.status = { currentMetrics: undefined, desiredReplicas: 0 }),
  validate: ({ spec }) => Field.collect((at) => checkAutoscaler(spec, at.child('spec'))),
  hasGeneration: false,
};

const PERCENT = { type: 'Percent', value: 100, periodSeconds: 15 };
const PODS = { type: 'Pods', value: 4, periodSeconds: 15 };

function setBehaviorDefaults(spec: HorizontalPodAutoscalerSpec): void {
  if (spec.behavior === undefined) return;
  const up: HPAScalingRules = (spec.behavior.scaleUp ??= {});
  up.stabilizationWindowSeconds ??= 0;
  up.selectPolicy ??= 'Max';
  up.policies ??= [{ ...PODS }, { ...PERCENT }];
  const down: HPAScalingRules = (spec.behavior.scaleDown ??= {});
  down.selectPolicy ??= 'Max';
  down.policies ??= [{ ...PERCENT }];
}

function checkAutoscaler(spec: HorizontalPodAutoscalerSpec | undefined, at: Field): void {
  const { minReplicas = 1, maxReplicas = 0, scaleTargetRef } = spec ?? {};
  if (minReplicas < 1) at.child('minReplicas').invalid(minReplicas, 'must be greater than or equal to 1');
  if (maxReplicas < 1) at.child('maxReplicas').invalid(maxReplicas, 'must be greater than 0');
  if (maxReplicas < minReplicas) at.child('maxReplicas').invalid(maxReplicas, 'must be greater than or equal to `minReplicas`');
  checkPresent(scaleTargetRef?.kind, at.child('scaleTargetRef'), 'kind');
  checkPresent(scaleTargetRef?.name, at.child('scaleTargetRef'), 'name');
  for (const direction of ['scaleUp', 'scaleDown'] as const) {
    const seconds = spec?.behavior?.[direction]?.stabilizationWindowSeconds;
    if (seconds === undefined || (seconds >= 0 && seconds <= 3600)) continue;
    const problem = seconds < 0 ? 'must be greater than or equal to zero' : 'must be less than or equal to 3600';
    at.child('behavior').child(direction).child('stabilizationWindowSeconds').invalid(Math.min(seconds, MAX_INT32), problem);
  }
}

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  validate: (runtimeClass) =>
    Field.collect((at) => {
      if (checkPresent(runtimeClass.handler, at, 'handler')) checkNamed(isDnsSubdomain, runtimeClass.handler, at, 'handler');
    }),
  validateUpdate: (runtimeClass, old) =>
    Field.collect((at) => {
      if (runtimeClass.handler !== old.handler) at.child('handler').invalid(runtimeClass.handler, 'field is immutable');
    }),
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
};
