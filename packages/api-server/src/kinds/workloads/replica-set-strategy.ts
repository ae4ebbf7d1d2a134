import type { ReplicaSet } from '@keelson/api/apps/v1';
import type { ReplicationController } from '@keelson/api/core/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkNonNegative } from '../../validation/checks.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { validateSelectorUpdate } from './deployment-strategy.ts';
import { validateStatusCounts } from './status-validation.ts';
import { checkSelector, checkWorkloadTemplate } from './template-validation.ts';
import { namedTemplateWarnings } from '../warnings/workload-warnings.ts';

export const replicaSetStrategy: Strategy<ReplicaSet> = {
  warnings: (object, old) => namedTemplateWarnings(object, old, object.spec?.template),
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.replicas ??= 1;
    setPodTemplateDefaults((spec.template ??= {}));
  },
  prepareForCreate: (set) => void (set.status = { replicas: 0 }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkNonNegative(spec?.replicas, at, 'replicas');
      checkNonNegative(spec?.minReadySeconds, at, 'minReadySeconds');
      checkSelector(spec?.selector, 'deployment', at);
      if (spec?.template === undefined) at.child('template').required();
      else checkWorkloadTemplate(spec.template, { selector: spec.selector, title: 'ReplicaSet' }, at);
    }),
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: validateStatusCounts,
  fieldValues: { 'status.replicas': (set) => String(set.status?.replicas ?? 0) },
};

export const replicationControllerStrategy: Strategy<ReplicationController> = {
  warnings: (object, old) => namedTemplateWarnings(object, old, object.spec?.template),
  setDefaults(controller) {
    const { spec } = controller;
    if (spec === undefined) return;
    const labels = spec.template?.metadata?.labels;
    if (labels !== undefined) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (controller.metadata !== undefined && Object.keys(controller.metadata.labels ?? {}).length === 0)
        controller.metadata.labels = { ...labels };
    }
    spec.replicas ??= 1;
    setPodTemplateDefaults(spec.template);
  },
  prepareForCreate: (controller) => void (controller.status = { replicas: 0 }),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkNonNegative(spec?.minReadySeconds, at, 'minReadySeconds');
      const selector = spec?.selector;
      const isEmpty = Object.keys(selector ?? {}).length === 0;
      if (isEmpty) at.child('selector').required();
      if (spec?.replicas === undefined) at.child('replicas').required();
      checkNonNegative(spec?.replicas, at, 'replicas');
      if (spec?.template === undefined) return at.child('template').required();
      checkWorkloadTemplate(spec.template, { selector: { matchLabels: selector }, title: 'ReplicationController' }, at);
    }),
  validateStatusUpdate: validateStatusCounts,
  fieldValues: { 'status.replicas': (controller) => String(controller.status?.replicas ?? 0) },
  defaultPropagation: 'Orphan',
};
