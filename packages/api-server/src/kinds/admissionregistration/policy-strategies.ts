import { isDns1035Label, isDnsSubdomain, isPathSegmentName, isQualifiedName } from '@keelson/api';
import type {
  AuditAnnotation,
  Mutation,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from '@keelson/api/admissionregistration/v1';
import { compile, loadCel, type Environment } from '@keelson/cel';
import { MUTATION_TYPES } from '../../admission/policies/mutation-values.ts';
import { compilePolicy, type PolicyProgram } from '../../admission/policies/policy-program.ts';
import type { Strategy } from '../../registry/strategy.ts';
import { asSent } from '../../validation/as-sent.ts';
import { checkChoice, checkNamed, checkText } from '../../validation/checks.ts';
import { checkEach, Field, Unique } from '../../validation/field.ts';
import { textsOf } from '../../validation/lists.ts';
import { checkLabelSelector } from '../../validation/selectors.ts';
import { checkExpression, checkMatchConditions } from './expression-validation.ts';
import { checkMatchResources, FAILURE_POLICIES, REINVOCATION, setResourceRuleDefaults } from './rule-validation.ts';

const ACTIONS = ['Audit', 'Deny', 'Warn'];
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
const NOT_FOUND_ACTIONS = ['Deny', 'Allow'];
const PATCH_TYPES = ['ApplyConfiguration', 'JSONPatch'];
const MAX_AUDIT_ANNOTATIONS = 20;
const MAX_VALUE_BYTES = 5 * 1024;
const IDENTIFIER = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

const COMMON = { load: loadCel, allowUnconditionalUpdate: false, hasGeneration: true } as const;

export const validatingPolicyStrategy: Strategy<ValidatingAdmissionPolicy> = {
  ...COMMON,
  statusMetadata: [],
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setResourceRuleDefaults(spec.matchConstraints);
  },
  validate: ({ metadata, spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      const world = checkCommon(spec, at, compilePolicy(spec ?? {}));
      const { validations = [], auditAnnotations = [] } = spec ?? {};
      if (validations.length + auditAnnotations.length === 0) {
        const problem = 'validations or auditAnnotations must contain at least one item';
        at.child('validations').required(problem);
        at.child('auditAnnotations').required(problem);
        return;
      }
      checkEach(validations, at, 'validations', (validation, place) => checkValidation(validation, place, world));
      checkAuditAnnotations(auditAnnotations, { policy: metadata?.name ?? '', world }, at);
    }),
};

export const mutatingPolicyStrategy: Strategy<MutatingAdmissionPolicy> = {
  ...COMMON,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.failurePolicy ??= 'Fail';
    setResourceRuleDefaults(spec.matchConstraints);
  },
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      const world = checkCommon(spec, at, compilePolicy(spec ?? {}, { structs: MUTATION_TYPES }));
      if ((spec?.mutations ?? []).length === 0) at.child('mutations').required('mutations must contain at least one item');
      checkEach(spec?.mutations, at, 'mutations', (mutation, place) => checkMutation(mutation, place, world));
      checkChoice(spec?.reinvocationPolicy, REINVOCATION, () => at.child('reinvocationPolicy'));
    }),
};

type Spec = ValidatingAdmissionPolicy['spec'] | MutatingAdmissionPolicy['spec'];

/** What both kinds of policies have; gives the environment of their expressions. */
function checkCommon(spec: Spec | undefined, at: Field, { world, variables: compiled }: PolicyProgram): Environment {
  checkChoice(spec?.failurePolicy, FAILURE_POLICIES, () => at.child('failurePolicy'));
  if (spec?.paramKind !== undefined) checkParamKind(spec.paramKind, at.child('paramKind'));
  const match = spec?.matchConstraints;
  const matchAt = at.child('matchConstraints');
  if (match === undefined) matchAt.required();
  checkMatchResources(match, matchAt);
  // Only they say of which types the objects are.
  if (match !== undefined && (match.resourceRules ?? []).length === 0) matchAt.child('resourceRules').required();
  // A condition is asked before there are variables.
  const known = [...world.variables].filter(([name]) => name !== 'variables');
  checkMatchConditions(spec?.matchConditions, at, { ...world, variables: new Map(known) });
  checkEach(spec?.variables, at, 'variables', (variable, place) => {
    checkVariable(variable, place);
    const made = compiled.get(variable.name ?? '')?.compiled;
    if ((variable.expression ?? '').trim() !== '' && made && 'errors' in made)
      place.child('expression').invalid(variable.expression, `compilation failed: ${made.errors}`);
  });
  return world;
}

function checkParamKind({ apiVersion = '', kind = '' }: ParamKind, at: Field): void {
  const version = at.child('apiVersion');
  const parts = apiVersion.split('/');
  if (apiVersion === '') version.required();
  else if (parts.length > 2) version.invalid(apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else checkGroupVersion(apiVersion, version);
  if (kind === '') return at.child('kind').required();
  const messages = isDns1035Label(kind.toLowerCase());
  if (messages.length > 0)
    at.child('kind').invalid(kind, `may have mixed case, but should otherwise match: ${messages.join(',')}`);
}

function checkGroupVersion(text: string, at: Field): void {
  const slash = text.indexOf('/');
  const [group, version] = slash < 0 ? ['', text] : [text.slice(0, slash), text.slice(slash + 1)];
  const inGroup = group === '' ? [] : isDnsSubdomain(group);
  if (inGroup.length > 0) at.invalid(group, inGroup.join(','));
  if (version === '') return at.invalid(text, 'version must be specified');
  const inVersion = isDns1035Label(version);
  if (inVersion.length > 0) at.invalid(version, inVersion.join(','));
}

function checkVariable({ name = '', expression = '' }: Variable, at: Field): void {
  if (name.trim() === '') at.child('name').required('name is not specified');
  else if (!IDENTIFIER.test(name) || RESERVED.has(name)) at.child('name').invalid(name, 'name is not a valid CEL identifier');
  if (expression.trim() === '') at.child('expression').required('expression is not specified');
}

function checkValidation(validation: Validation, at: Field, world: Environment): void {
  const { expression, message = '', messageExpression = '', reason } = asSent(validation);
  checkExpression(expression, at.child('expression'), { world, types: ['bool'] });
  if (messageExpression !== '' && messageExpression.trim() === '')
    at.child('messageExpression').invalid(messageExpression, 'must be non-empty if specified');
  else if (messageExpression !== '')
    checkExpression(messageExpression, at.child('messageExpression'), { world, types: ['string'] });
  if (message !== '' && message.trim() === '') at.child('message').invalid(message, 'message must be non-empty if specified');
  else if (/[\n\r]/.test(message.trim())) at.child('message').invalid(message, 'message must not contain line breaks');
  if (reason !== undefined && !REASONS.includes(reason)) at.child('reason').notSupported(reason, REASONS);
}

function checkAuditAnnotations(
  annotations: readonly AuditAnnotation[],
  { policy, world }: { readonly policy: string; readonly world: Environment },
  parent: Field,
): void {
  if (annotations.length > MAX_AUDIT_ANNOTATIONS) {
    const problem = `must not have more than ${MAX_AUDIT_ANNOTATIONS} auditAnnotations`;
    parent.child('auditAnnotations').invalid(annotations, problem);
  }
  const keys = new Unique();
  checkEach(annotations, parent, 'auditAnnotations', ({ key = '', valueExpression = '' }, at) => {
    for (const message of isQualifiedName(`${policy}/${key}`)) at.child('key').invalid(`${policy}/${key}`, message);
    const valueAt = at.child('valueExpression');
    if (Buffer.byteLength(valueExpression.trim()) > MAX_VALUE_BYTES)
      valueAt.required(`must not exceed ${MAX_VALUE_BYTES} bytes in length`);
    else checkExpression(valueExpression, valueAt, { world, types: ['string', 'null'], what: 'valueExpression' });
    if (!keys.add(key)) at.child('key').duplicate(key);
  });
}

function checkMutation({ patchType, applyConfiguration, jsonPatch }: Mutation, at: Field, world: Environment): void {
  checkChoice(patchType, PATCH_TYPES, () => at.child('patchType'));
  if (patchType === 'ApplyConfiguration') {
    const place = at.child('applyConfiguration');
    if (applyConfiguration === undefined) return place.required('must be specified when patchType is ApplyConfiguration');
    checkMade(applyConfiguration.expression, place.child('expression'), { world, wanted: 'Object' });
  } else if (patchType === 'JSONPatch') {
    if (jsonPatch === undefined) return at.child('jsonPatch').required('must be specified when patchType is JSONPatch');
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

export const validatingBindingStrategy: Strategy<ValidatingAdmissionPolicyBinding> = {
  ...COMMON,
  setDefaults: ({ spec }) => setResourceRuleDefaults(spec?.matchResources),
  validate: ({ spec }) =>
    Field.collect((root) => {
      const at = root.child('spec');
      checkBinding(spec, at);
      checkActions(textsOf(spec?.validationActions), at.child('validationActions'));
    }),
};

export const mutatingBindingStrategy: Strategy<MutatingAdmissionPolicyBinding> = {
  ...COMMON,
  setDefaults: ({ spec }) => setResourceRuleDefaults(spec?.matchResources),
  validate: ({ spec }) => Field.collect((at) => checkBinding(spec, at.child('spec'))),
};

type BindingSpec = ValidatingAdmissionPolicyBinding['spec'] | MutatingAdmissionPolicyBinding['spec'];

function checkBinding(spec: BindingSpec | undefined, at: Field): void {
  if ((spec?.policyName ?? '') === '') at.child('policyName').required();
  checkNamed(isDnsSubdomain, spec?.policyName, at, 'policyName');
  if (spec?.paramRef !== undefined) checkParamRef(spec.paramRef, at.child('paramRef'));
  checkMatchResources(spec?.matchResources, at.child('matchResources'));
}

function checkParamRef({ name = '', selector, parameterNotFoundAction = '' }: ParamRef, at: Field): void {
  const exclusive = 'name and selector are mutually exclusive';
  if (name !== '') {
    checkText(isPathSegmentName, name, at.child('name'));
    if (selector !== undefined) at.child('name').forbidden(exclusive);
  }
  checkLabelSelector(selector, at.child('selector'));
  if (selector !== undefined && name !== '') at.child('selector').forbidden(exclusive);
  if (name === '' && selector === undefined) at.required('one of name or selector must be specified');
  checkChoice(parameterNotFoundAction, NOT_FOUND_ACTIONS, () => at.child('parameterNotFoundAction'));
}

function checkActions(actions: readonly string[], at: Field): void {
  const unique = new Unique();
  for (const [position, action] of actions.entries()) {
    if (!ACTIONS.includes(action)) at.index(position).notSupported(action, ACTIONS);
    if (!unique.add(action)) at.index(position).duplicate(action);
  }
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const why = 'repeating the same validation failure information in the API response and headers serves no purpose';
    at.invalid(actions, `must not contain both Deny and Warn (${why})`);
  }
  if (actions.length === 0) at.required('at least one validation action is required');
}
