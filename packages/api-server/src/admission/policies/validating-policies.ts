import type {
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
} from '@keelson/api/admissionregistration/v1';
import type { Outcome } from '@keelson/cel';
import type { Authorizer } from '../../auth/contracts.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { Services } from '../../verbs/call.ts';
import type { AdmissionRequest, AdmissionValidator } from '../admission.ts';
import { Configurations } from '../dynamic/configurations.ts';
import { AdmissionSession, admissionExpression, type AdmissionExpression, type AdmissionValues } from '../dynamic/expressions.ts';
import { judgeConditions } from '../dynamic/match-conditions.ts';
import { RequestMatcher, type Match } from '../dynamic/request-matcher.ts';
import { objectsSeen, reviewRequest } from '../dynamic/review-request.ts';
import { findParameters } from './parameters.ts';
import { PolicyMetrics } from './policy-metrics.ts';
import { compilePolicy, matchOf, POLICY_BUDGET, PolicyVariables, type PolicyProgram } from './policy-program.ts';
import { policyRefusal } from './policy-refusal.ts';

/** How long a message that an expression makes may be, in bytes. */
const MAX_MESSAGE_BYTES = 5 * 1024;
const MAX_ANNOTATION_LENGTH = 10 * 1024;
const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

interface CompiledValidation {
  readonly validation: Validation;
  readonly condition: AdmissionExpression;
  readonly message: AdmissionExpression | undefined;
}

interface Policy {
  readonly name: string;
  readonly program: PolicyProgram;
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly value: AdmissionExpression }[];
}

interface Binding {
  readonly name: string;
  readonly policyName: string;
  readonly match: Match;
  readonly paramRef: ParamRef | undefined;
  readonly actions: readonly string[];
}

/** Something that a policy says against a request. */
interface Objection {
  readonly message: string;
  readonly reason?: string | undefined;
  /** It is an error of the policy's. */
  readonly isError: boolean;
  readonly index: number;
}

type Sources = Pick<Services, 'registry' | 'storages' | 'logger'>;

/** ValidatingAdmissionPolicies, as far as they are bound. */
export class ValidatingPolicies implements AdmissionValidator {
  readonly name = 'ValidatingAdmissionPolicy';
  readonly #metrics = new PolicyMetrics('validating');
  readonly #sources: Sources;
  readonly #matcher: RequestMatcher;
  readonly #authorizer: () => Authorizer | undefined;
  readonly #policies: Configurations<ValidatingAdmissionPolicy, Policy>;
  readonly #bindings: Configurations<ValidatingAdmissionPolicyBinding, Binding>;

  constructor(sources: Sources, authorizer: () => Authorizer | undefined) {
    this.#sources = sources;
    this.#authorizer = authorizer;
    this.#matcher = new RequestMatcher(sources);
    this.#policies = new Configurations(sources, 'validatingadmissionpolicies', compileValidatingPolicy);
    this.#bindings = new Configurations(sources, 'validatingadmissionpolicybindings', readBinding);
  }

  metricsText(): string {
    return this.#metrics.text();
  }

  async validate(request: AdmissionRequest): Promise<void> {
    const policies = await this.#policies.all();
    if (policies.length === 0 || this.#matcher.isExempt(request)) return;
    const bindings = await this.#bindings.all();
    if (bindings.length === 0) return;
    const judgement = new Judgement(request, this.#authorizer());
    for (const policy of policies) {
      const bound = bindings.filter(({ policyName }) => policyName === policy.name);
      const seen = bound.length > 0 ? await this.#matcher.match(request, policy.program.match) : undefined;
      if (!seen) continue;
      for (const binding of bound) await this.#apply(judgement, { policy, binding, seen });
    }
    judgement.finish();
  }

  async #apply(
    judgement: Judgement,
    { policy, binding, seen }: { readonly policy: Policy; readonly binding: Binding; readonly seen: ResourceDefinition },
  ): Promise<void> {
    const { request } = judgement;
    if (!(await this.#matcher.match(request, binding.match))) return;
    const { paramKind, ignoresErrors } = policy.program;
    const found = await findParameters(this.#sources, paramKind, { ref: binding.paramRef, namespace: request.namespace });
    if ('error' in found) {
      if (!ignoresErrors) judgement.refuse(policy.name, binding.name, { message: `failed to configure binding: ${found.error}` });
      return;
    }
    const namespaceObject = await this.#matcher.namespaceOf(request);
    for (const params of found.params) {
      const objections = await judgement.objections(policy, { seen, params, namespaceObject });
      for (const objection of objections) this.#enforce(judgement, { policy, binding, objection });
      if (objections.length === 0) this.#metrics.record('allow', policy.name, binding.name, 'no_error');
      for (const [key, value] of judgement.takeAnnotations()) this.#annotate(request, `${policy.name}/${key}`, value);
    }
  }

  #enforce(
    judgement: Judgement,
    { policy, binding, objection }: { readonly policy: Policy; readonly binding: Binding; readonly objection: Objection },
  ): void {
    const { message, index, isError } = objection;
    const error = isError ? 'invalid_error' : 'no_error';
    for (const action of binding.actions) {
      if (action === 'Deny') {
        judgement.refuse(policy.name, binding.name, objection);
        this.#metrics.record('deny', policy.name, binding.name, error);
      } else if (action === 'Warn') {
        const text = `Validation failed for ValidatingAdmissionPolicy '${policy.name}' with binding '${binding.name}': ${message}`;
        judgement.request.warn(text);
        this.#metrics.record('warn', policy.name, binding.name, error);
      } else if (action === 'Audit') {
        const value = [
          { message, policy: policy.name, binding: binding.name, expressionIndex: index, validationActions: binding.actions },
        ];
        this.#annotate(judgement.request, 'validation.policy.admission.k8s.io/validation_failure', JSON.stringify(value));
        this.#metrics.record('audit', policy.name, binding.name, error);
      }
    }
  }

  #annotate({ operation, resource, namespace, name }: AdmissionRequest, key: string, value: string): void {
    const { group, version, resource: plural } = resource;
    this.#sources.logger.info('audit annotation', { key, value, operation, group, version, resource: plural, namespace, name });
  }
}

export function compileValidatingPolicy({ metadata, spec = {} }: Readonly<ValidatingAdmissionPolicy>): Policy {
  const program = compilePolicy(spec);
  return {
    name: metadata?.name ?? '',
    program,
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      condition: admissionExpression(validation.expression, program.world),
      message: validation.messageExpression ? admissionExpression(validation.messageExpression, program.world) : undefined,
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      value: admissionExpression(valueExpression, program.world),
    })),
  };
}

function readBinding({ metadata, spec }: Readonly<ValidatingAdmissionPolicyBinding>): Binding {
  return {
    name: metadata?.name ?? '',
    policyName: spec?.policyName ?? '',
    match: matchOf(spec?.matchResources),
    paramRef: spec?.paramRef,
    actions: spec?.validationActions ?? [],
  };
}

interface Situation {
  readonly seen: ResourceDefinition;
  readonly params: unknown;
  readonly namespaceObject: unknown;
}

/** What policies say of one request. */
class Judgement {
  readonly request: AdmissionRequest;
  readonly #session: AdmissionSession;
  #refusal: { readonly message: string; readonly reason: string | undefined } | undefined;
  #annotations = new Map<string, string>();

  constructor(request: AdmissionRequest, authorizer: Authorizer | undefined) {
    this.request = request;
    this.#session = new AdmissionSession(request, authorizer);
  }

  /** The first refusal is the one that is told. */
  refuse(
    policy: string,
    binding: string,
    { message, reason }: { readonly message: string; readonly reason?: string | undefined },
  ): void {
    const text = `ValidatingAdmissionPolicy '${policy}' with binding '${binding}' denied request: ${message}`;
    this.#refusal ??= { message: text, reason };
  }

  finish(): void {
    if (this.#refusal) throw policyRefusal(this.request, this.#refusal.message, this.#refusal.reason);
  }

  takeAnnotations(): ReadonlyMap<string, string> {
    const taken = this.#annotations;
    this.#annotations = new Map();
    return taken;
  }

  async objections(policy: Policy, situation: Situation): Promise<readonly Objection[]> {
    const { program, validations } = policy;
    const values = this.#session.variables(this.#values(situation));
    const verdict = await judgeConditions(program.conditions, this.#session, values);
    if ('error' in verdict) return program.ignoresErrors ? [] : [{ message: verdict.error, isError: true, index: 0 }];
    if (!verdict.matches) return [];
    const run = new PolicyRun(this.#session, new PolicyVariables(program.variables, values));
    const objections: Objection[] = [];
    for (const [index, compiled] of validations.entries()) {
      const objection = await run.objection(compiled, index);
      if (objection && !(objection.isError && program.ignoresErrors)) objections.push(objection);
    }
    await this.#annotate(policy, run, objections);
    return objections;
  }

  async #annotate({ annotations, program }: Policy, run: PolicyRun, objections: Objection[]): Promise<void> {
    for (const { key, value } of annotations) {
      const outcome = await run.evaluate(value);
      if (outcome.kind === 'value' && typeof outcome.value === 'string') {
        const text = outcome.value.trim().slice(0, MAX_ANNOTATION_LENGTH);
        if (text !== '') this.#annotations.set(key, text);
      } else if (outcome.kind === 'failure' && !program.ignoresErrors) {
        objections.push({ message: `expression '${value.text}' resulted in error: ${outcome.message}`, isError: true, index: 0 });
      }
    }
  }

  #values({ seen, params, namespaceObject }: Situation): AdmissionValues {
    const request = reviewRequest(this.request, seen);
    return { ...objectsSeen(this.request, seen), request, params, namespaceObject };
  }
}

/** The expressions of one policy, for one request and one parameter, within their budget. */
class PolicyRun {
  readonly #session: AdmissionSession;
  readonly #variables: PolicyVariables;
  #budget = POLICY_BUDGET;

  constructor(session: AdmissionSession, variables: PolicyVariables) {
    this.#session = session;
    this.#variables = variables;
  }

  async objection({ validation, condition, message }: CompiledValidation, index: number): Promise<Objection | undefined> {
    const outcome = await this.evaluate(condition);
    if (this.#budget < 0) return { message: OUT_OF_BUDGET, isError: true, index };
    if (outcome.kind === 'failure') {
      return { message: `expression '${validation.expression}' resulted in error: ${outcome.message}`, isError: true, index };
    }
    if (outcome.value === true) return undefined;
    const made = message && (await this.#message(message));
    const text = made ?? (validation.message?.trim() || `failed expression: ${validation.expression.trim()}`);
    return { message: text, reason: validation.reason, isError: false, index };
  }

  async evaluate({ compiled }: AdmissionExpression): Promise<Outcome> {
    if ('errors' in compiled) {
      return { kind: 'failure', message: `compilation failed: ${compiled.errors}`, exceeded: false, cost: 0 };
    }
    const outcome = await this.#session.run(compiled, this.#variables.activation);
    this.#budget -= outcome.cost + this.#variables.takeCost();
    return outcome;
  }

  async #message(expression: AdmissionExpression): Promise<string | undefined> {
    const outcome = await this.evaluate(expression);
    if (outcome.kind !== 'value' || typeof outcome.value !== 'string') return undefined;
    const text = outcome.value.trim();
    return text === '' || text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? undefined : text;
  }
}
