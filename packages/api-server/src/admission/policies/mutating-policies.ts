import { applyJsonPatch, cloneJson, deepEqual, type KubernetesObject } from '@keelson/api';
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
  ParamRef,
} from '@keelson/api/admissionregistration/v1';
import { merge } from '@keelson/api/structured-merge';
import { EvaluationFailure } from '@keelson/cel';
import { errorMessage } from '@keelson/base';
import type { Authorizer } from '../../auth/contracts.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { Services } from '../../verbs/call.ts';
import type { AdmissionMutator, AdmissionRequest } from '../admission.ts';
import { Configurations } from '../dynamic/configurations.ts';
import { AdmissionSession, admissionExpression, type AdmissionExpression } from '../dynamic/expressions.ts';
import { judgeConditions } from '../dynamic/match-conditions.ts';
import { RequestMatcher, type Match } from '../dynamic/request-matcher.ts';
import { reshape } from '../dynamic/reshape.ts';
import { reviewRequest, seenAs } from '../dynamic/review-request.ts';
import { checkNotAtomic } from './atomic-parts.ts';
import { mutationJson, MUTATION_TYPES, patchJson } from './mutation-values.ts';
import { findParameters } from './parameters.ts';
import { PolicyMetrics } from './policy-metrics.ts';
import { compilePolicy, matchOf, PolicyVariables, type PolicyProgram } from './policy-program.ts';
import { policyRefusal } from './policy-refusal.ts';

interface Policy {
  readonly name: string;
  readonly program: PolicyProgram;
  readonly mutations: readonly { readonly type: Mutation['patchType']; readonly expression: AdmissionExpression }[];
  readonly wantsAgain: boolean;
}

interface Binding {
  readonly name: string;
  readonly policyName: string;
  readonly match: Match;
  readonly paramRef: ParamRef | undefined;
}

type Sources = Pick<Services, 'registry' | 'storages' | 'logger'>;
type MutableRequest = AdmissionRequest & { readonly object: KubernetesObject };

/** MutatingAdmissionPolicies, as far as they are bound, in order of names: each sees what those before it have made. */
export class MutatingPolicies implements AdmissionMutator {
  readonly name = 'MutatingAdmissionPolicy';
  readonly #metrics = new PolicyMetrics('mutating');
  readonly #sources: Sources;
  readonly #matcher: RequestMatcher;
  readonly #authorizer: () => Authorizer | undefined;
  readonly #policies: Configurations<MutatingAdmissionPolicy, Policy>;
  readonly #bindings: Configurations<MutatingAdmissionPolicyBinding, Binding>;

  constructor(sources: Sources & { readonly authorizer: () => Authorizer | undefined }) {
    this.#sources = sources;
    this.#authorizer = sources.authorizer;
    this.#matcher = new RequestMatcher(sources);
    this.#policies = new Configurations(sources, 'mutatingadmissionpolicies', compileMutatingPolicy);
    this.#bindings = new Configurations(sources, 'mutatingadmissionpolicybindings', readBinding);
  }

  metricsText(): string {
    return this.#metrics.text();
  }

  async mutate(request: MutableRequest): Promise<KubernetesObject> {
    const policies = await this.#policies.all();
    if (policies.length === 0 || this.#matcher.isExempt(request)) return request.object;
    const bindings = await this.#bindings.all();
    let { object } = request;
    for (const policy of policies) {
      for (const binding of bindings) {
        if (binding.policyName === policy.name) object = await this.#apply({ ...request, object }, policy, binding);
      }
    }
    return object;
  }

  async #apply(request: MutableRequest, policy: Policy, binding: Binding): Promise<KubernetesObject> {
    const { reinvocation } = request;
    const id = `policy ${policy.name}/${binding.name}`;
    if (reinvocation?.isSkipped(id)) return request.object;
    const seen = await this.#matcher.match(request, policy.program.match);
    if (!seen || !(await this.#matcher.match(request, binding.match))) return request.object;
    try {
      const object = await this.#changed(request, { policy, binding, seen });
      const hasChanged = !deepEqual(object, request.object);
      if (hasChanged) reinvocation?.noteChange();
      if (policy.wantsAgain) reinvocation?.noteCalled(id);
      this.#metrics.record('allow', policy.name, binding.name, 'no_error');
      return hasChanged ? object : request.object;
    } catch (error) {
      if (!(error instanceof PolicyFailure)) throw error;
      this.#metrics.record(policy.program.ignoresErrors ? 'allow' : 'deny', policy.name, binding.name, 'invalid_error');
      if (policy.program.ignoresErrors) return request.object;
      throw policyRefusal(request, `policy '${policy.name}' with binding '${binding.name}' denied request: ${error.message}`);
    }
  }

  async #changed(
    request: MutableRequest,
    { policy, binding, seen }: { readonly policy: Policy; readonly binding: Binding; readonly seen: ResourceDefinition },
  ): Promise<KubernetesObject> {
    const { paramKind } = policy.program;
    const found = await findParameters(this.#sources, paramKind, { ref: binding.paramRef, namespace: request.namespace });
    if ('error' in found) throw new PolicyFailure(`failed to configure binding: ${found.error}`);
    const namespaceObject = await this.#matcher.namespaceOf(request);
    let { object } = request;
    for (const params of found.params) {
      object = await this.#mutated({ ...request, object }, { policy, seen, params, namespaceObject });
    }
    return object;
  }

  async #mutated(request: MutableRequest, situation: Situation): Promise<KubernetesObject> {
    const { policy, seen, params, namespaceObject } = situation;
    const session = new AdmissionSession(request, this.#authorizer());
    let { object } = request;
    for (const [index, mutation] of policy.mutations.entries()) {
      const review = reviewRequest(request, seen);
      const oldObject = seenAs(request.oldObject, seen);
      const values = session.variables({ object: seenAs(object, seen), oldObject, request: review, params, namespaceObject });
      if (index === 0) {
        const verdict = await judgeConditions(policy.program.conditions, session, values);
        if ('error' in verdict) throw new PolicyFailure(verdict.error);
        if (!verdict.matches) return object;
      }
      const { activation } = new PolicyVariables(policy.program.variables, values);
      const { compiled, text } = mutation.expression;
      if ('errors' in compiled) throw new PolicyFailure(`compilation error: compilation failed: ${compiled.errors}`);
      const outcome = await session.run(compiled, activation);
      if (outcome.kind === 'failure') throw new PolicyFailure(`expression '${text}' resulted in error: ${outcome.message}`);
      object = put(object, { type: mutation.type, value: outcome.value, seen });
    }
    return object;
  }
}

interface Situation {
  readonly policy: Policy;
  readonly seen: ResourceDefinition;
  readonly params: unknown;
  readonly namespaceObject: unknown;
}

/** What a policy does with its request does not work. */
class PolicyFailure extends Error {}

/** An object with what an expression has made put into it. */
function put(
  object: KubernetesObject,
  {
    type,
    value,
    seen,
  }: { readonly type: string; readonly value: Parameters<typeof mutationJson>[0]; readonly seen: ResourceDefinition },
): KubernetesObject {
  const document = cloneJson(seenAs(object, seen));
  try {
    if (type === 'JSONPatch') return reshape(applyJsonPatch(document, patchJson(value)), seen);
    const configuration = mutationJson(value);
    checkNotAtomic(seen.schema.ownership, configuration);
    return reshape(merge(seen.schema.ownership, document, configuration), seen);
  } catch (error) {
    const prefix = type === 'JSONPatch' ? 'JSONPatch' : 'ApplyConfiguration';
    const why = error instanceof EvaluationFailure ? error.message : `invalid ${prefix}: ${errorMessage(error)}`;
    throw new PolicyFailure(why);
  }
}

export function compileMutatingPolicy({ metadata, spec }: Readonly<MutatingAdmissionPolicy>): Policy {
  const program = compilePolicy(spec ?? {}, { structs: MUTATION_TYPES });
  return {
    name: metadata?.name ?? '',
    program,
    mutations: (spec?.mutations ?? []).map(({ patchType, applyConfiguration, jsonPatch }) => {
      const text = (patchType === 'JSONPatch' ? jsonPatch?.expression : applyConfiguration?.expression) ?? '';
      return { type: patchType, expression: admissionExpression(text, program.world) };
    }),
    wantsAgain: spec?.reinvocationPolicy === 'IfNeeded',
  };
}

function readBinding({ metadata, spec }: Readonly<MutatingAdmissionPolicyBinding>): Binding {
  return {
    name: metadata?.name ?? '',
    policyName: spec?.policyName ?? '',
    match: matchOf(spec?.matchResources),
    paramRef: spec?.paramRef,
  };
}
