import type { Call } from '../syntax/expression.ts';
import { EvaluationFailure, noSuchOverload } from '../values/failure.ts';
import type { CelValue } from '../values/value.ts';
import type { Frame, Step } from './frame.ts';
import type { Planning } from './planning.ts';

/** `&&` and `||`: what one side decides, a failure of the other does not matter. */
export function planLogic(planner: Planning, { name, args: [one, other] }: Call): Step {
  if (!one || !other) throw noSuchOverload();
  const [left, right] = [planner.plan(one), planner.plan(other)];
  const deciding = name === '_||_';
  return (frame) => {
    const first = attempt(left, frame);
    if (first === deciding) return deciding;
    const second = attempt(right, frame);
    if (second === deciding) return deciding;
    if (first instanceof EvaluationFailure) throw first;
    if (second instanceof EvaluationFailure) throw second;
    return !deciding;
  };
}

/** A boolean, or why there is none. */
function attempt(step: Step, frame: Frame): boolean | EvaluationFailure {
  try {
    const value = step(frame);
    return typeof value === 'boolean' ? value : noSuchOverload();
  } catch (error) {
    if (error instanceof EvaluationFailure) return error;
    throw error;
  }
}

/** `condition ? one : other` */
export function planConditional(planner: Planning, { args }: Call): Step {
  const [condition, one, other] = args.map((arg) => planner.plan(arg));
  if (!condition || !one || !other) throw noSuchOverload();
  return (frame): CelValue => {
    const value = condition(frame);
    if (typeof value !== 'boolean') throw noSuchOverload();
    return value ? one(frame) : other(frame);
  };
}
