import type { Deployment, DeploymentSpec } from '@keelson/api/apps/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkAtMostAll, checkIntOrPercent, checkNonNegative } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import type { FieldError } from '../../validation/field-error.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { checkSelector, checkWorkloadTemplate } from './template-validation.ts';
import { validateStatusCounts } from './status-validation.ts';
import { namedTemplateWarnings } from '../warnings/workload-warnings.ts';

const TYPES = ['Recreate', 'RollingUpdate'];
const NO_DEADLINE = 2_147_483_647;

export const deploymentStrategy: Strategy<Deployment> = {
  warnings: (object, old) => namedTemplateWarnings(object, old, object.spec?.template),
  statusMetadata: ['annotations', 'finalizers', 'ownerReferences'],
  setDefaults(deployment) {
    const { spec } = deployment;
    if (spec === undefined) return;
    spec.replicas ??= 1;
    setStrategyDefaults(spec);
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    setPodTemplateDefaults((spec.template ??= {}));
  },
  prepareForCreate: (deployment) => void (deployment.status = {}),
  validate: (deployment) => Field.collect((at) => checkSpec(deployment.spec, at.child('spec'))),
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateStatusCounts,
  generationChanged: (deployment, old) =>
    !sameJson(deployment.spec, old.spec) || !sameJson(deployment.metadata?.annotations, old.metadata?.annotations),
};

function setStrategyDefaults(spec: DeploymentSpec): void {
  const strategy = (spec.strategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type !== 'RollingUpdate') return;
  strategy.rollingUpdate ??= {};
  strategy.rollingUpdate.maxUnavailable ??= '25%';
  strategy.rollingUpdate.maxSurge ??= '25%';
}

function checkSpec(spec: DeploymentSpec | undefined, at: Field): void {
  checkNonNegative(spec?.replicas, at, 'replicas');
  checkSelector(spec?.selector, 'deployment', at);
  checkWorkloadTemplate(spec?.template, { selector: spec?.selector, title: 'ReplicaSet' }, at);
  checkStrategy(spec?.strategy ?? {}, at.child('strategy'));
  checkNonNegative(spec?.minReadySeconds, at, 'minReadySeconds');
  checkNonNegative(spec?.revisionHistoryLimit, at, 'revisionHistoryLimit');
  const deadline = spec?.progressDeadlineSeconds;
  if (deadline === undefined || deadline === NO_DEADLINE) return;
  checkNonNegative(deadline, at, 'progressDeadlineSeconds');
  if (deadline <= (spec?.minReadySeconds ?? 0))
    at.child('progressDeadlineSeconds').invalid(deadline, 'must be greater than minReadySeconds');
}

function checkStrategy({ type, rollingUpdate }: NonNullable<DeploymentSpec['strategy']>, at: Field): void {
  if (type === 'Recreate') {
    if (rollingUpdate !== undefined)
      at.child('rollingUpdate').forbidden("may not be specified when strategy `type` is 'Recreate'");
  } else if (type === 'RollingUpdate') {
    if (rollingUpdate === undefined) return at.child('rollingUpdate').required('this should be defaulted and never be nil');
    checkRollingUpdate(rollingUpdate, at.child('rollingUpdate'));
  } else {
    at.child('type').notSupported(type ?? '', TYPES);
  }
}

function checkRollingUpdate(
  { maxUnavailable, maxSurge }: { maxUnavailable?: number | string | undefined; maxSurge?: number | string | undefined },
  at: Field,
): void {
  checkIntOrPercent(maxUnavailable, at, 'maxUnavailable');
  checkIntOrPercent(maxSurge, at, 'maxSurge');
  if (isZero(maxUnavailable) && isZero(maxSurge))
    at.child('maxUnavailable').invalid(maxUnavailable, 'may not be 0 when `maxSurge` is 0');
  checkAtMostAll(maxUnavailable, at, 'maxUnavailable');
}

function isZero(value: number | string | undefined): boolean {
  return value === undefined || Number.parseInt(String(value), 10) === 0;
}

/** A workload would lose its pods if its selector changed. */
export function validateSelectorUpdate(
  object: { spec?: { selector?: unknown } | undefined },
  old: { spec?: { selector?: unknown } | undefined },
): readonly FieldError[] {
  return Field.collect((at) => {
    if (!sameJson(object.spec?.selector, old.spec?.selector))
      at.child('spec').child('selector').invalid(object.spec?.selector, 'field is immutable');
  });
}
