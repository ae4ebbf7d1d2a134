import { type KubernetesObject, cloneJson } from '@keelson/api';
import type {
  MatchResources,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '@keelson/api/admissionregistration/v1';
import type { APIService } from '@keelson/api/apiregistration/v1';
import type { PodTemplate } from '@keelson/api/core/v1';
import type { ControllerRevision } from '@keelson/api/apps/v1';
import type { CertificateSigningRequest } from '@keelson/api/certificates/v1';
import type { FlowSchema, PriorityLevelConfiguration } from '@keelson/api/flowcontrol/v1';
import type { Strategy } from '../../registry/strategy.ts';
import { checkPresent } from '../../validation/checks.ts';
import { sameJson } from '../../validation/equality.ts';
import { Field } from '../../validation/field.ts';
import { setPodTemplateDefaults } from '../pod/pod-defaults.ts';
import { checkPodTemplate } from '../pod/pod-validation.ts';
import { contentChanged } from '../policy/scheduling-strategies.ts';
import { setMatchDefaults, setRuleDefaults } from './webhook-strategies.ts';

/** Nothing but that a client must say which version it changes. */
export const strictUpdates: Strategy = { allowUnconditionalUpdate: false };

/** Kinds that count their changes though they have no status. */
export const counted: Strategy = { hasGeneration: true };

function setResourceRuleDefaults(match: MatchResources | undefined): void {
  if (match === undefined) return;
  setMatchDefaults(match);
  setRuleDefaults(match.resourceRules);
  setRuleDefaults(match.excludeResourceRules);
}

/** Of both kinds of admission policies. */
export const admissionPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setResourceRuleDefaults(spec.matchConstraints);
  },
  allowUnconditionalUpdate: false,
  hasGeneration: true,
};

export const admissionBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  setDefaults: ({ spec }) => setResourceRuleDefaults(spec?.matchResources),
  validate: ({ spec }) => Field.collect((at) => void checkPresent(spec?.policyName, at.child('spec'), 'policyName')),
  allowUnconditionalUpdate: false,
  hasGeneration: true,
};

export const apiServiceStrategy: Strategy<APIService> = {
  setDefaults({ spec }) {
    if (spec?.service !== undefined) spec.service.port ??= 443;
  },
  validate: ({ metadata, spec }) =>
    Field.collect((at) => {
      const name = `${spec?.version ?? ''}.${spec?.group ?? ''}`;
      if (metadata?.name !== name)
        at.child('metadata').child('name').invalid(metadata?.name, `must be \`spec.version+"."+spec.group\`: "${name}"`);
    }),
  nameRule: 'path-segment',
  allowUnconditionalUpdate: false,
  hasGeneration: false,
};

export const podTemplateStrategy: Strategy<PodTemplate> = {
  setDefaults: ({ template }) => setPodTemplateDefaults(template),
  validate: ({ template }) => Field.collect((at) => checkPodTemplate(template, at.child('template'))),
  hasGeneration: true,
  generationChanged: contentChanged,
};

export const controllerRevisionStrategy: Strategy<ControllerRevision> = {
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

export const signingRequestStrategy: Strategy<CertificateSigningRequest> = {
  prepareForCreate(request, { user }) {
    if (request.spec === undefined) return;
    request.spec.username = user.name;
    request.spec.uid = user.uid;
    request.spec.groups = [...user.groups];
    request.spec.extra = user.extra && Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
  },
  prepareForUpdate(request, old) {
    if (old.spec !== undefined) request.spec = cloneJson(old.spec);
  },
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      if ((spec?.request ?? '') === '') at.child('request').invalid(spec?.request, 'PEM block type must be CERTIFICATE REQUEST');
      if ((spec?.usages ?? []).length === 0)
        at.child('usages').required('usages are required for TLS client and serving certificates');
      if ((spec?.signerName ?? '') === '') at.child('signerName').required();
      const seconds = spec?.expirationSeconds;
      if (seconds !== undefined && seconds < 600)
        at.child('expirationSeconds').invalid(seconds, 'may not specify a duration less than 600 seconds (10 minutes)');
    }),
  hasGeneration: false,
  fieldValues: { 'spec.signerName': (request) => request.spec?.signerName ?? '' },
};

export const flowSchemaStrategy: Strategy<FlowSchema> = {
  setDefaults({ spec }) {
    if (spec !== undefined) spec.matchingPrecedence ??= 1000;
  },
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      const precedence = spec?.matchingPrecedence ?? 0;
      if (precedence <= 0) at.child('matchingPrecedence').invalid(precedence, 'must be a positive value');
      if (precedence > 10_000) at.child('matchingPrecedence').invalid(precedence, 'must not be greater than 10000');
      checkPresent(spec?.priorityLevelConfiguration?.name, at.child('priorityLevelConfiguration'), 'name');
    }),
};

export const priorityLevelStrategy: Strategy<PriorityLevelConfiguration> = {
  setDefaults({ spec }) {
    if (spec?.limited !== undefined) {
      spec.limited.nominalConcurrencyShares ??= 30;
      spec.limited.lendablePercent ??= 0;
      const queuing = spec.limited.limitResponse?.queuing;
      if (queuing !== undefined) {
        queuing.queues ??= 64;
        queuing.handSize ??= 8;
        queuing.queueLengthLimit ??= 50;
      }
    }
    if (spec?.exempt !== undefined) {
      spec.exempt.nominalConcurrencyShares ??= 0;
      spec.exempt.lendablePercent ??= 0;
    }
  },
};

interface DeviceRequest {
  allocationMode?: string | undefined;
  count?: number | undefined;
}

interface Claim extends KubernetesObject {
  spec?: { devices?: { requests?: (DeviceRequest & { exactly?: DeviceRequest; firstAvailable?: DeviceRequest[] })[] } };
}

/** Of all versions: a request for devices stands at different places in them. */
export const resourceClaimStrategy: Strategy<Claim> = {
  setDefaults({ spec }) {
    for (const request of spec?.devices?.requests ?? []) {
      const wanted = request.exactly ?? request;
      if (request.firstAvailable === undefined) setDeviceDefaults(wanted);
      else request.firstAvailable.forEach(setDeviceDefaults);
    }
  },
  hasGeneration: false,
};

function setDeviceDefaults(request: DeviceRequest): void {
  request.allocationMode ??= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ??= 1;
}
