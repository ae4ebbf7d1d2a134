import { isDnsLabel } from '@keelson/api';
import type { StatefulSet, StatefulSetSpec } from '@keelson/api/apps/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkAtMostAll, checkIntOrPercent, checkNamed, checkNonNegative, checkOptionalChoice } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { setClaimSpecDefaults } from '../pod/volume-defaults.ts';
import { validateStatusCounts } from './status-validation.ts';
import { checkSelector, checkWorkloadTemplate } from './template-validation.ts';
import { templateWarnings } from '../warnings/workload-warnings.ts';

const RETENTION = ['Delete', 'Retain'];
const MUTABLE = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

export const statefulSetStrategy: Strategy<StatefulSet> = {
  warnings: (object, old) => templateWarnings(object, old, object.spec?.template),
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.podManagementPolicy ||= 'OrderedReady';
    setUpdateDefaults(spec);
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
    retention.whenDeleted ||= 'Retain';
    retention.whenScaled ||= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.apiVersion ??= 'v1';
      claim.kind ??= 'PersistentVolumeClaim';
      if (claim.spec !== undefined) setClaimSpecDefaults(claim.spec);
      claim.status ??= {};
      claim.status.phase ??= 'Pending';
    }
    setPodTemplateDefaults((spec.template ??= {}));
  },
  prepareForCreate: (set) => void (set.status = { replicas: 0 }),
  validate: ({ spec }) => Field.collect((at) => checkSpec(spec, at.child('spec'))),
  validateCreate: ({ spec }) => Field.collect((at) => checkNamed(isDnsLabel, spec?.serviceName, at.child('spec'), 'serviceName')),
  validateUpdate: (set, old) =>
    Field.collect((at) => {
      if (sameJson(fixedPart(set.spec), fixedPart(old.spec))) return;
      const list = `${MUTABLE.slice(0, -1)
        .map((name) => `'${name}'`)
        .join(', ')} and '${MUTABLE.at(-1)}'`;
      at.child('spec').forbidden(`updates to statefulset spec for fields other than ${list} are forbidden`);
    }),
  validateStatusUpdate: validateStatusCounts,
  nameRule: 'dns-label',
};

function setUpdateDefaults(spec: StatefulSetSpec): void {
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ||= 'RollingUpdate';
  if (strategy.type !== 'RollingUpdate') return;
  strategy.rollingUpdate ??= {};
  strategy.rollingUpdate.partition ??= 0;
}

function fixedPart(spec: StatefulSetSpec | undefined): unknown {
  const copy: Partial<StatefulSetSpec> = { ...spec };
  for (const name of MUTABLE) delete copy[name];
  return copy;
}

function checkSpec(spec: StatefulSetSpec | undefined, at: Field): void {
  const policy = spec?.podManagementPolicy ?? '';
  if (policy === '') at.child('podManagementPolicy').required();
  else if (policy !== 'OrderedReady' && policy !== 'Parallel')
    at.child('podManagementPolicy').invalid(policy, "must be 'OrderedReady' or 'Parallel'");
  checkUpdateStrategy(spec?.updateStrategy ?? {}, at.child('updateStrategy'));
  const retention = spec?.persistentVolumeClaimRetentionPolicy;
  for (const name of ['whenDeleted', 'whenScaled'] as const) {
    checkOptionalChoice(retention?.[name], RETENTION, () => at.child('persistentVolumeClaimRetentionPolicy').child(name));
  }
  checkNonNegative(spec?.replicas, at, 'replicas');
  checkNonNegative(spec?.minReadySeconds, at, 'minReadySeconds');
  checkNonNegative(spec?.ordinals?.start, at.child('ordinals'), 'start');
  checkSelector(spec?.selector, 'statefulset', at);
  // Containers mount the claims' volumes, which are no part of the template.
  checkWorkloadTemplate(spec?.template, { selector: spec?.selector, title: 'StatefulSet', isPartial: true }, at);
}

function checkUpdateStrategy({ type = '', rollingUpdate }: NonNullable<StatefulSetSpec['updateStrategy']>, at: Field): void {
  if (type === '') return at.required();
  if (type === 'OnDelete') {
    if (rollingUpdate !== undefined)
      at.child('rollingUpdate').invalid(rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'");
  } else if (type === 'RollingUpdate') {
    checkNonNegative(rollingUpdate?.partition, at.child('rollingUpdate'), 'partition');
    checkIntOrPercent(rollingUpdate?.maxUnavailable, at.child('rollingUpdate'), 'maxUnavailable');
    checkAtMostAll(rollingUpdate?.maxUnavailable, at.child('rollingUpdate'), 'maxUnavailable');
  } else {
    at.invalid({ type, rollingUpdate }, "must be 'RollingUpdate' or 'OnDelete'");
  }
}
