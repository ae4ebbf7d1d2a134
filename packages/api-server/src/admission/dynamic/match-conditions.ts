import type { MatchCondition } from '@keelson/api/admissionregistration/v1';
import type { Activation, Environment } from '@keelson/cel';
import { admissionExpression, type AdmissionExpression, type AdmissionSession } from './expressions.ts';

/** What all conditions of one webhook or policy may cost together. */
const BUDGET = 2_500_000;

/** Conditions, compiled. */
export interface CompiledConditions {
  readonly conditions: readonly (AdmissionExpression & { readonly name: string })[];
}

export function compileConditions(conditions: readonly MatchCondition[] | undefined, world: Environment): CompiledConditions {
  return { conditions: (conditions ?? []).map(({ name, expression }) => ({ name, ...admissionExpression(expression, world) })) };
}

/** One that is false says no, whatever becomes of the others; else one that fails is an error. */
export type Verdict = { readonly matches: boolean } | { readonly error: string };

export async function judgeConditions(
  { conditions }: CompiledConditions,
  session: AdmissionSession,
  variables: Activation,
): Promise<Verdict> {
  const errors: string[] = [];
  let budget = BUDGET;
  for (const { name, text, compiled } of conditions) {
    if ('errors' in compiled) {
      errors.push(`compilation error: compilation failed: ${compiled.errors}`);
      continue;
    }
    const outcome = await session.run(compiled, variables);
    budget -= outcome.cost;
    if (budget < 0)
      return { error: 'validation failed due to running out of cost budget, no further validation rules will be run' };
    if (outcome.kind === 'failure') errors.push(`expression '${text}' resulted in error: ${outcome.message}`);
    else if (outcome.value === false) return { matches: false };
    else if (outcome.value !== true) errors.push(`condition ${name} did not evaluate to a boolean`);
  }
  if (errors.length === 0) return { matches: true };
  return { error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };
}
