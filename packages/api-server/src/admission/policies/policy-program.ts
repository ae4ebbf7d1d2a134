import type { MatchCondition, MatchResources, ParamKind, Variable } from '@keelson/api/admissionregistration/v1';
import {
  CostExceeded,
  DYN,
  EvaluationFailure,
  PER_CALL_LIMIT,
  type Activation,
  type CelObject,
  type CelType,
  type CelValue,
  type Environment,
} from '@keelson/cel';
import type { Match } from '../dynamic/request-matcher.ts';
import { admissionEnvironment, admissionExpression, type AdmissionExpression } from '../dynamic/expressions.ts';
import { compileConditions, type CompiledConditions } from '../dynamic/match-conditions.ts';

/** What all expressions of one policy may cost for one request. */
export const POLICY_BUDGET = 10_000_000;

/** What both kinds of policies have. */
export interface PolicySpec {
  readonly failurePolicy?: string | undefined;
  readonly matchConditions?: readonly MatchCondition[] | undefined;
  readonly matchConstraints?: MatchResources | undefined;
  readonly paramKind?: ParamKind | undefined;
  readonly variables?: readonly Variable[] | undefined;
}

/** The part of a policy that both kinds have, compiled. */
export interface PolicyProgram {
  readonly match: Match;
  readonly conditions: CompiledConditions;
  readonly variables: ReadonlyMap<string, AdmissionExpression>;
  readonly paramKind: ParamKind | undefined;
  readonly ignoresErrors: boolean;
  /** In which the policy's own expressions are compiled. */
  readonly world: Environment;
}

export function compilePolicy(spec: PolicySpec, types: Parameters<typeof admissionEnvironment>[0] = {}): PolicyProgram {
  const { variables = [], paramKind, matchConstraints, failurePolicy } = spec;
  const hasParams = paramKind !== undefined;
  const compiled = new Map<string, AdmissionExpression>();
  const known = new Map<string, CelType>();
  for (const { name, expression } of variables) {
    // A variable sees those before it.
    const made = admissionExpression(expression, admissionEnvironment({ ...types, hasParams, variables: new Map(known) }));
    compiled.set(name, made);
    known.set(name, 'errors' in made.compiled ? DYN : made.compiled.resultType);
  }
  return {
    match: matchOf(matchConstraints),
    conditions: compileConditions(spec.matchConditions, admissionEnvironment({ ...types, hasParams })),
    variables: compiled,
    paramKind,
    ignoresErrors: failurePolicy === 'Ignore',
    world: admissionEnvironment({ ...types, hasParams, variables: known }),
  };
}

export function matchOf(resources: MatchResources | undefined): Match {
  const { resourceRules, excludeResourceRules, matchPolicy, namespaceSelector, objectSelector } = resources ?? {};
  return { rules: resourceRules, excludedRules: excludeResourceRules, matchPolicy, namespaceSelector, objectSelector };
}

/** The values of a policy's variables: each is worked out when it is first asked for, once for a request. */
export class PolicyVariables implements CelObject {
  readonly kind = 'object';
  readonly typeName = 'kubernetes.variables';
  readonly #expressions: ReadonlyMap<string, AdmissionExpression>;
  readonly #activation: Activation;
  readonly #values = new Map<string, CelValue | EvaluationFailure>();
  /** What they have cost since this was last asked. */
  #cost = 0;

  constructor(expressions: ReadonlyMap<string, AdmissionExpression>, values: ReadonlyMap<string, CelValue>) {
    this.#expressions = expressions;
    this.#activation = { get: (name) => (name === 'variables' ? this : values.get(name)) };
  }

  /** For the expressions of the policy. */
  get activation(): Activation {
    return this.#activation;
  }

  get(name: string): CelValue | undefined {
    const expression = this.#expressions.get(name);
    if (!expression) return undefined;
    const value = this.#values.get(name) ?? this.#evaluate(name, expression);
    if (value instanceof EvaluationFailure) throw value;
    return value;
  }

  fields(): Iterable<string> {
    return this.#expressions.keys();
  }

  takeCost(): number {
    const cost = this.#cost;
    this.#cost = 0;
    return cost;
  }

  #evaluate(name: string, { compiled }: AdmissionExpression): CelValue | EvaluationFailure {
    if ('errors' in compiled) throw new EvaluationFailure(`composited variable "${name}" fails to compile: ${compiled.errors}`);
    const outcome = compiled.program.evaluate(this.#activation, PER_CALL_LIMIT);
    this.#cost += outcome.cost;
    if (outcome.kind === 'failure' && outcome.exceeded) throw new CostExceeded();
    const value =
      outcome.kind === 'value'
        ? outcome.value
        : new EvaluationFailure(`composited variable "${name}" fails to evaluate: ${outcome.message}`);
    this.#values.set(name, value);
    return value;
  }
}
