import type { PodTemplate } from '@keelson/api/core/v1';
import type { ControllerRevision } from '@keelson/api/apps/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { checkPodTemplate } from '../pod/pod-validation.ts';
import { contentChanged } from '../policy/scheduling-strategies.ts';
import { podWarnings } from '../warnings/pod-warnings.ts';

/** Nothing but that a client must say which version it changes. */
export const strictUpdates: Strategy = { allowUnconditionalUpdate: false };

/** Kinds that count their changes though they have no status. */
export const counted: Strategy = { hasGeneration: true };

export const podTemplateStrategy: Strategy<PodTemplate> = {
  warnings: ({ template }) => podWarnings(template ?? {}, Field.root([], 'template')),
  setDefaults: ({ template }) => setPodTemplateDefaults(template),
  validate: ({ template }) => Field.collect((at) => checkPodTemplate(template, at.child('template'))),
  hasGeneration: true,
  generationChanged: contentChanged,
};

export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
  validateCreate: ({ data }) =>
    Field.collect((at) => {
      if (data === undefined || data === null) at.child('data').required('data is mandatory');
    }),
  validate: ({ revision }) =>
    Field.collect((at) => {
      if ((revision ?? 0) < 0) at.child('revision').invalid(revision, 'must be greater than or equal to 0');
    }),
  validateUpdate: ({ data }, old) =>
    Field.collect((at) => {
      if (!sameJson(data, old.data)) at.child('data').invalid(data, 'field is immutable');
    }),
  hasGeneration: false,
};
