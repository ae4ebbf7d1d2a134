import { isCIdentifier, isQualifiedName } from '@keelson/api';
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from '@keelson/api/admissionregistration/v1';
import { compile, loadCel, type Environment } from '@keelson/cel';
import { MUTATION_TYPES } from '../../admission/policies/mutation-values.ts';
import { compilePolicy, type PolicyProgram, type PolicySpec } from '../../admission/policies/policy-program.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { checkOptionalChoice, checkPresent } from '../../validation/checks.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkExpression, checkMatchConditions } from './expression-validation.ts';
import { checkRule, setMatchDefaults, setRuleDefaults } from './webhook-strategies.ts';

const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const FAILURE_POLICIES = ['Fail', 'Ignore'];
const MATCH_POLICIES = ['Equivalent', 'Exact'];
const ACTIONS = ['Audit', 'Deny', 'Warn'];
const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch'];
const REINVOCATION = ['IfNeeded', 'Never'];
const NOT_FOUND_ACTIONS = ['Allow', 'Deny'];

const COMMON = { load: loadCel, allowUnconditionalUpdate: false, hasGeneration: true } as const;

function setResourceRuleDefaults(match: MatchResources | undefined): void {
  if (match === undefined) return;
  setMatchDefaults(match);
  setRuleDefaults(match.resourceRules);
  setRuleDefaults(match.excludeResourceRules);
}

export const validatingPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  ...COMMON,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setResourceRuleDefaults(spec.matchConstraints);
  },
  validate: ({ spec = {} }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      const world = checkPolicy(spec, at, compilePolicy(spec));
      const { validations = [], auditAnnotations = [] } = spec;
      if (validations.length + auditAnnotations.length === 0) {
        at.child('validations').required('validations or auditAnnotations must contain at least one item');
        at.child('auditAnnotations').required('validations or auditAnnotations must contain at least one item');
      }
      checkEach(validations, at, 'validations', (validation, place) => checkValidation(validation, place, world));
      const keys = new Unique();
      checkEach(auditAnnotations, at, 'auditAnnotations', ({ key, valueExpression }, place) => {
        for (const fault of isQualifiedName(key ?? '')) place.child('key').invalid(key, fault);
        if (!keys.add(key ?? '')) place.child('key').duplicate(key);
        const valueAt = place.child('valueExpression');
        checkExpression(valueExpression, valueAt, { world, types: ['string', 'null'], what: 'valueExpression' });
      });
    }),
};

export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  ...COMMON,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setResourceRuleDefaults(spec.matchConstraints);
  },
  validate: ({ spec = {} }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      const world = checkPolicy(spec, at, compilePolicy(spec, { structs: MUTATION_TYPES }));
      if ((spec.mutations ?? []).length === 0) at.child('mutations').required('mutations must contain at least one item');
      checkEach(spec.mutations, at, 'mutations', (mutation, place) => checkMutation(mutation, place, world));
      const { reinvocationPolicy } = spec;
      if (reinvocationPolicy === undefined) at.child('reinvocationPolicy').required();
      else checkOptionalChoice(reinvocationPolicy, REINVOCATION, () => at.child('reinvocationPolicy'));
    }),
};

/** What both kinds of policies have; gives the environment of their expressions. */
function checkPolicy(spec: PolicySpec, at: Field, { world, variables: compiled }: PolicyProgram): Environment {
  const { failurePolicy, matchConstraints, paramKind, variables, matchConditions } = spec;
  checkOptionalChoice(failurePolicy, FAILURE_POLICIES, () => at.child('failurePolicy'));
  if (matchConstraints === undefined) at.child('matchConstraints').required();
  else {
    if ((matchConstraints.resourceRules ?? []).length === 0) at.child('matchConstraints').child('resourceRules').required();
    checkMatch(matchConstraints, at.child('matchConstraints'));
  }
  if (paramKind) {
    checkPresent(paramKind.apiVersion, at.child('paramKind'), 'apiVersion');
    checkPresent(paramKind.kind, at.child('paramKind'), 'kind');
  }
  // A condition is asked before there are variables.
  const variableNames = [...world.variables].filter(([name]) => name !== 'variables');
  checkMatchConditions(matchConditions, at, { ...world, variables: new Map(variableNames) });
  const names = new Unique();
  checkEach(variables, at, 'variables', ({ name, expression }, place) => {
    if ((name ?? '') === '') place.child('name').required('name is not specified');
    else if (isCIdentifier(name).length > 0) place.child('name').invalid(name, 'name is not a valid CEL identifier');
    else if (!names.add(name)) place.child('name').duplicate(name);
    const made = compiled.get(name ?? '')?.compiled;
    if ((expression ?? '').trim() === '') place.child('expression').required('expression is not specified');
    else if (made && 'errors' in made) place.child('expression').invalid(expression, `compilation failed: ${made.errors}`);
  });
  return world;
}

function checkMatch(match: MatchResources, at: Field): void {
  checkOptionalChoice(match.matchPolicy, MATCH_POLICIES, () => at.child('matchPolicy'));
  checkLabelSelector(match.namespaceSelector, at.child('namespaceSelector'));
  checkLabelSelector(match.objectSelector, at.child('objectSelector'));
  checkEach(match.resourceRules, at, 'resourceRules', checkRule);
  checkEach(match.excludeResourceRules, at, 'excludeResourceRules', checkRule);
}

function checkValidation({ expression, messageExpression, message, reason }: Validation, at: Field, world: Environment): void {
  checkExpression(expression, at.child('expression'), { world, types: ['bool'] });
  if (messageExpression) checkExpression(messageExpression, at.child('messageExpression'), { world, types: ['string'] });
  const text = message?.trim() ?? '';
  if (message !== undefined && message !== '' && text === '')
    at.child('message').invalid(message, 'message must be non-empty if specified');
  if (/[\n\r]/.test(text)) at.child('message').invalid(message, 'message must not contain line breaks');
  else if (/[\n\r]/.test((expression ?? '').trim()) && text === '') {
    at.child('message').required('message must be specified if expression contains line breaks');
  }
  checkOptionalChoice(reason, REASONS, () => at.child('reason'));
}

function checkMutation({ patchType, applyConfiguration, jsonPatch }: Mutation, at: Field, world: Environment): void {
  if ((patchType ?? '') === '') return at.child('patchType').required();
  checkOptionalChoice(patchType, PATCH_TYPES, () => at.child('patchType'));
  if (patchType === 'ApplyConfiguration') {
    if (!applyConfiguration)
      return at.child('applyConfiguration').required('must be specified when patchType is ApplyConfiguration');
    checkMade(applyConfiguration.expression, at.child('applyConfiguration').child('expression'), { world, wanted: 'Object' });
  } else if (patchType === 'JSONPatch') {
    if (!jsonPatch) return at.child('jsonPatch').required('must be specified when patchType is JSONPatch');
    checkMade(jsonPatch.expression, at.child('jsonPatch').child('expression'), { world, wanted: 'list(JSONPatch)' });
  }
}

function checkMade(
  text: string | undefined,
  at: Field,
  { world, wanted }: { readonly world: Environment; readonly wanted: 'Object' | 'list(JSONPatch)' },
): void {
  if ((text ?? '').trim() === '') return at.required('expression is not specified');
  const compiled = compile(text ?? '', world);
  if ('errors' in compiled) return at.invalid(text, `compilation failed: ${compiled.errors}`);
  const { kind, name, parameters } = compiled.resultType;
  const shown = kind === 'list' ? `list(${parameters[0]?.name ?? ''})` : name;
  const isEmptyList = kind === 'list' && parameters[0]?.kind === 'dyn' && wanted !== 'Object';
  if (shown !== wanted && kind !== 'dyn' && !isEmptyList) at.invalid(text, `must evaluate to ${wanted}`);
}

type Binding = ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding;

function checkBinding({ spec }: Binding, at: Field): void {
  checkPresent(spec?.policyName, at, 'policyName');
  if (spec?.paramRef) checkParamRef(spec.paramRef, at.child('paramRef'));
  if (spec?.matchResources) checkMatch(spec.matchResources, at.child('matchResources'));
}

function checkParamRef({ name, selector, parameterNotFoundAction }: ParamRef, at: Field): void {
  if (name && selector) at.child('name').forbidden('name and selector are mutually exclusive');
  else if (!name && !selector) at.required('one of name or selector must be specified');
  if (selector) checkLabelSelector(selector, at.child('selector'));
  if (parameterNotFoundAction === undefined) at.child('parameterNotFoundAction').required();
  else checkOptionalChoice(parameterNotFoundAction, NOT_FOUND_ACTIONS, () => at.child('parameterNotFoundAction'));
}

export const mutatingBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  ...COMMON,
  setDefaults: ({ spec }) => setResourceRuleDefaults(spec?.matchResources),
  validate: (binding) => Field.collect((root) => checkBinding(binding, root.child('spec'))),
};

export const validatingBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  ...COMMON,
  setDefaults: ({ spec }) => setResourceRuleDefaults(spec?.matchResources),
  validate: (binding) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkBinding(binding, at);
      checkActions(binding.spec?.validationActions ?? [], at);
    }),
};

function checkActions(actions: readonly string[], parent: Field): void {
  const at = parent.child('validationActions');
  if (actions.length === 0) at.required();
  const seen = new Unique();
  for (const [index, action] of actions.entries()) {
    if (!ACTIONS.includes(action)) at.index(index).notSupported(action, ACTIONS);
    if (!seen.add(action)) at.index(index).duplicate(action);
  }
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    at.invalid(actions, why);
  }
}
