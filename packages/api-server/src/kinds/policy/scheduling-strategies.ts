import { isDnsLabel } from '@keelson/api';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '@keelson/api/policy/v1';
import type { PriorityClass } from '@keelson/api/scheduling/v1';
import type { RuntimeClass } from '@keelson/api/node/v1';
import type { Strategy } from '../../registry/strategy.ts';
import {
  checkAtMostAll,
  checkFixed,
  checkIntOrPercent,
  checkNonNegative,
  checkOptionalChoice,
  checkText,
} from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { checkLabels } from '../../validation/metadata.ts';
import { checkContainerResourceName, checkResourceAmount } from '../../validation/quantities.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkTolerations } from '../pod/scheduling-validation.ts';
import { nodeLabelWarning } from '../warnings/node-labels.ts';

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
        const problem = systemProblem(priority);
        if (problem !== undefined) {
          const reserved = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`;
          at.child('metadata').child('name').forbidden(reserved);
        }
      } else if (value > HIGHEST_USER_PRIORITY) {
        at.child('value').forbidden(`maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`);
      }
      checkOptionalChoice(priority.preemptionPolicy, PREEMPTION, () => at.child('preemptionPolicy'));
    }),
  validateUpdate: (priority, old) =>
    Field.collect((at) => {
      if ((priority.value ?? 0) !== (old.value ?? 0)) at.child('value').forbidden('may not be changed in an update.');
      checkFixed(priority.preemptionPolicy, old.preemptionPolicy, at, 'preemptionPolicy');
    }),
  hasGeneration: true,
  generationChanged: contentChanged,
};

/** What keeps a class from being one of the cluster's own. */
function systemProblem({ metadata, value = 0, globalDefault = false }: PriorityClass): string | undefined {
  const name = metadata?.name ?? '';
  const expected = SYSTEM_CLASSES.get(name);
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

/** For kinds without a spec: whether anything but the metadata differs. */
export function contentChanged(object: object, old: object): boolean {
  return !sameJson({ ...object, metadata: undefined }, { ...old, metadata: undefined });
}

/** As upstream shows it, which is not how it is written. */
function shownBudget({ minAvailable, selector, maxUnavailable, unhealthyPodEvictionPolicy }: PodDisruptionBudgetSpec): unknown {
  return {
    MinAvailable: minAvailable,
    Selector: selector ?? null,
    MaxUnavailable: maxUnavailable,
    UnhealthyPodEvictionPolicy: unhealthyPodEvictionPolicy ?? null,
  };
}

export const disruptionBudgetStrategy: Strategy<PodDisruptionBudget> = {
  prepareForCreate: (budget) =>
    void (budget.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      if (spec?.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
        at.invalid(shownBudget(spec), 'minAvailable and maxUnavailable cannot be both set');
      }
      for (const name of ['minAvailable', 'maxUnavailable'] as const) {
        checkIntOrPercent(spec?.[name], at, name);
        checkAtMostAll(spec?.[name], at, name);
      }
      checkLabelSelector(spec?.selector, at.child('selector'));
      checkOptionalChoice(spec?.unhealthyPodEvictionPolicy, EVICTION_POLICIES, () => at.child('unhealthyPodEvictionPolicy'));
    }),
  validateStatusUpdate: ({ status }) =>
    Field.collect((root) => {
      const at = root.child('status');
      for (const name of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const)
        checkNonNegative(status?.[name], at, name);
    }),
  allowUnconditionalUpdate: false,
};

export const runtimeClassStrategy: Strategy<RuntimeClass> = {
  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap((label) => {
      const message = nodeLabelWarning(label);
      return message === undefined ? [] : [`scheduling.nodeSelector: ${message}`];
    }),
  validate: (runtimeClass) =>
    Field.collect((at) => {
      checkText(isDnsLabel, runtimeClass.handler ?? '', at.child('handler'));
      for (const name in runtimeClass.overhead?.podFixed) {
        const amountAt = at.child('overhead').child('podFixed').key(name);
        checkContainerResourceName(name, amountAt);
        checkResourceAmount(name, runtimeClass.overhead.podFixed[name] ?? '0', amountAt);
      }
      checkLabels(runtimeClass.scheduling?.nodeSelector, at.child('scheduling').child('nodeSelector'));
      checkTolerations(runtimeClass.scheduling?.tolerations, at.child('scheduling'));
    }),
  validateUpdate: (runtimeClass, old) => Field.collect((at) => checkFixed(runtimeClass.handler, old.handler, at, 'handler')),
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
};
