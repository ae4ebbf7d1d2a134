import { callCost, type CallCost } from '../cost/call-cost.ts';
import type { Overload } from '../functions/overload.ts';
import type { Call, Expression } from '../syntax/expression.ts';
import { EvaluationFailure, noSuchOverload } from '../values/failure.ts';
import { CelOptional, type CelValue } from '../values/value.ts';
import type { Frame, Step } from './frame.ts';
import { fits } from './fits.ts';
import { planConditional, planLogic } from './logic.ts';
import type { Planning } from './planning.ts';

/** A call of a function or operator. */
export function planCall(planner: Planning, node: Call): Step {
  const overloads = planner.checked.overloads.get(node.id) ?? [];
  const [first] = overloads;
  if (node.name === '_&&_' || node.name === '_||_') return planLogic(planner, node);
  if (node.name === '_?_:_') return planConditional(planner, node);
  if (node.name === '@not_strictly_false') return planNotStrictlyFalse(planner, node);
  const operands = first?.isMember && node.target ? [node.target, ...node.args] : node.args;
  if (first?.id === 'optional_or_optional' || first?.id === 'optional_orValue_value')
    return planAlternative(planner, operands, first);
  const steps = operands.map((operand) => planner.plan(operand));
  const choices = overloads.map((overload) => ({ overload, cost: callCost(overload) }));
  const isKnown = operands.every(({ id }) => planner.checked.types.get(id)?.kind !== 'dyn');
  const [only] = choices;
  if (only && choices.length === 1 && isKnown) return direct(only, steps);
  return (frame) => {
    const args = steps.map((step) => step(frame));
    const chosen = choices.find(({ overload }) => accepts(overload, args));
    if (!chosen) {
      frame.charge(1);
      throw noSuchOverload();
    }
    return invoke(chosen, frame, args);
  };
}

interface Choice {
  readonly overload: Overload;
  readonly cost: number | CallCost;
}

/** Hot path: the one overload that it can be, with no list of arguments for one or two of them. */
function direct({ overload, cost }: Choice, steps: readonly Step[]): Step {
  const [one, two] = steps;
  if (typeof cost === 'number' && steps.length === 2 && one && two) {
    return (frame) => {
      const left = one(frame);
      const right = two(frame);
      frame.charge(cost);
      return guarded(overload, left, right);
    };
  }
  if (typeof cost === 'number' && steps.length === 1 && one) {
    return (frame) => {
      const value = one(frame);
      frame.charge(cost);
      return guarded(overload, value);
    };
  }
  return (frame) =>
    invoke(
      { overload, cost },
      frame,
      steps.map((step) => step(frame)),
    );
}

function invoke({ overload, cost }: Choice, frame: Frame, args: readonly CelValue[]): CelValue {
  frame.charge(typeof cost === 'number' ? cost : cost(args));
  return guarded(overload, ...args);
}

function accepts({ name, parameters }: Overload, args: readonly CelValue[]): boolean {
  // Any number of the right amount can be an index.
  const isIndex = name === '_[_]' || name === '_[?_]';
  return parameters.every((type, position) => (isIndex && position > 0) || fits(args[position] ?? null, type));
}

/** What JavaScript itself refuses, such as a text too long, is a failure of the expression. */
function guarded(overload: Overload, ...args: readonly CelValue[]): CelValue {
  try {
    return overload.call(...args);
  } catch (error) {
    if (error instanceof RangeError) throw new EvaluationFailure(error.message);
    throw error;
  }
}

/** Failures count as true: the fold goes on, as a later element may make up for them. */
function planNotStrictlyFalse(planner: Planning, { args: [arg] }: Call): Step {
  const step = planOperand(planner, arg);
  return (frame) => {
    frame.charge(1);
    try {
      return step(frame) !== false;
    } catch (error) {
      if (error instanceof EvaluationFailure) return true;
      throw error;
    }
  };
}

/** `or` and `orValue` look at the alternative only if they need it. */
function planAlternative(planner: Planning, [one, other]: readonly Expression[], overload: Overload): Step {
  const first = planOperand(planner, one);
  const second = planOperand(planner, other);
  const unwraps = overload.id === 'optional_orValue_value';
  return (frame) => {
    frame.charge(1);
    const value = first(frame);
    if (!(value instanceof CelOptional)) throw noSuchOverload();
    if (value.value === undefined) return second(frame);
    return unwraps ? value.value : value;
  };
}

function planOperand(planner: Planning, node: Expression | undefined): Step {
  if (!node) throw noSuchOverload();
  return planner.plan(node);
}
