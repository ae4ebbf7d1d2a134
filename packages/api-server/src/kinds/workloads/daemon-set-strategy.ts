import type { DaemonSet, DaemonSetSpec } from '@keelson/api/apps/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkAtMostAll, checkIntOrPercent, checkNonNegative } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { validateSelectorUpdate } from './deployment-strategy.ts';
import { validateStatusCounts } from './status-validation.ts';
import { checkSelector, checkWorkloadTemplate } from './template-validation.ts';
import { templateWarnings } from '../warnings/workload-warnings.ts';

const TYPES = ['OnDelete', 'RollingUpdate'];
/** Counts the changes of the template, as clients of the API's first versions expect it. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

export const daemonSetStrategy: Strategy<DaemonSet> = {
  warnings: (object, old) => templateWarnings(object, old, object.spec?.template),
  setDefaults({ spec }) {
    if (spec === undefined) return;
    const strategy = (spec.updateStrategy ??= {});
    strategy.type ||= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= 1;
      strategy.rollingUpdate.maxSurge ??= 0;
    }
    spec.revisionHistoryLimit ??= 10;
    setPodTemplateDefaults((spec.template ??= {}));
  },
  prepareForCreate(set) {
    set.status = { currentNumberScheduled: 0, desiredNumberScheduled: 0, numberMisscheduled: 0, numberReady: 0 };
    setTemplateGeneration(set, 1);
  },
  prepareForUpdate(set, old) {
    setPodTemplateDefaults(set.spec?.template);
    const before = Number(old.metadata?.annotations?.[TEMPLATE_GENERATION] ?? 1);
    setTemplateGeneration(set, sameJson(set.spec?.template, old.spec?.template) ? before : before + 1);
  },
  validate: ({ spec }) => Field.collect((at) => checkSpec(spec, at.child('spec'))),
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateStatusCounts,
};

function setTemplateGeneration(set: DaemonSet, generation: number): void {
  set.metadata ??= {};
  set.metadata.annotations = { ...set.metadata.annotations, [TEMPLATE_GENERATION]: String(generation) };
}

function checkSpec(spec: DaemonSetSpec | undefined, at: Field): void {
  checkSelector(spec?.selector, 'daemonset', at);
  checkWorkloadTemplate(spec?.template, { selector: spec?.selector, title: 'DaemonSet' }, at);
  checkNonNegative(spec?.minReadySeconds, at, 'minReadySeconds');
  checkNonNegative(spec?.revisionHistoryLimit, at, 'revisionHistoryLimit');
  const { type, rollingUpdate } = spec?.updateStrategy ?? {};
  if (type === 'RollingUpdate') {
    if (rollingUpdate === undefined) at.child('updateStrategy').child('rollingUpdate').required();
    else checkRollingUpdate(rollingUpdate, at.child('updateStrategy').child('rollingUpdate'));
  } else if (type !== 'OnDelete') {
    at.child('updateStrategy')
      .child('type')
      .notSupported(type ?? '', TYPES);
  }
}

function checkRollingUpdate(
  { maxUnavailable = 0, maxSurge = 0 }: { maxUnavailable?: number | string | undefined; maxSurge?: number | string | undefined },
  at: Field,
): void {
  checkIntOrPercent(maxUnavailable, at, 'maxUnavailable');
  checkIntOrPercent(maxSurge, at, 'maxSurge');
  const hasUnavailable = Number.parseInt(String(maxUnavailable), 10) !== 0;
  const hasSurge = Number.parseInt(String(maxSurge), 10) !== 0;
  if (hasUnavailable && hasSurge) at.child('maxSurge').invalid(maxSurge, 'may not be set when maxUnavailable is non-zero');
  if (!hasUnavailable && !hasSurge) at.child('maxUnavailable').required('cannot be 0 when maxSurge is 0');
  checkAtMostAll(maxUnavailable, at, 'maxUnavailable');
  checkAtMostAll(maxSurge, at, 'maxSurge');
}
