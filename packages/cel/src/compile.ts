import { checkExpression } from './checker/check.ts';
import { estimateCost } from './cost/estimate.ts';
import type { Range } from './cost/range.ts';
import type { Environment } from './environment.ts';
import { Program } from './program.ts';
import { Planner } from './plan/plan.ts';
import { parseExpression } from './syntax/parse.ts';
import { formatSourceErrors, SyntaxFailure, type SourceError } from './syntax/source-error.ts';
import type { CelType } from './types/cel-type.ts';

/** An expression that can be run, and what is known of it without running it. */
export interface Compiled {
  readonly program: Program;
  readonly resultType: CelType;
  /** The names of variables that it uses. */
  readonly variables: ReadonlySet<string>;
  /** The least and the most that running it can cost; the most is 2^64 if nothing limits it. Worked out when it is asked for. */
  estimateCost(): Range;
}

/** Why an expression cannot be run, as Kubernetes says it: each error with its line and a mark under its place. */
export interface CompileFailure {
  readonly errors: string;
}

/** Parses and checks an expression, once `loadCel` is done. It never throws for what is in the expression. */
export function compile(text: string, environment: Environment): Compiled | CompileFailure {
  try {
    const root = parseExpression(text);
    const checked = checkExpression(root, environment);
    if (isErrors(checked)) return { errors: formatSourceErrors(text, checked) };
    return {
      program: new Program(new Planner(checked).plan(root)),
      resultType: checked.resultType,
      variables: checked.variables,
      estimateCost: () => estimateCost(checked, environment),
    };
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error;
    return { errors: formatSourceErrors(text, [error]) };
  }
}

function isErrors(checked: object): checked is readonly SourceError[] {
  return Array.isArray(checked);
}
