import { Frame, type Activation, type Step } from './plan/frame.ts';
import { CostExceeded, EvaluationFailure } from './values/failure.ts';
import type { CelValue } from './values/value.ts';

/** The most that one run of an expression may cost in Kubernetes: about a tenth of a second. */
export const PER_CALL_LIMIT = 1_000_000;

/** What came of a run, and what it cost. */
export type Outcome =
  | { readonly kind: 'value'; readonly value: CelValue; readonly cost: number }
  /** It failed, or (`exceeded`) was stopped at the limit. */
  | { readonly kind: 'failure'; readonly message: string; readonly exceeded: boolean; readonly cost: number };

/** An expression that is ready to run. It keeps nothing between runs, and does nothing outside of them. */
export class Program {
  readonly #step: Step;

  constructor(step: Step) {
    this.#step = step;
  }

  /** Runs until it is done, or until it has cost more than `limit`. Throws only what the values of `variables` throw. */
  evaluate(variables: Activation, limit: number = PER_CALL_LIMIT): Outcome {
    const frame = new Frame(variables, limit);
    try {
      const value = this.#step(frame);
      return { kind: 'value', value, cost: frame.cost };
    } catch (error) {
      if (error instanceof EvaluationFailure)
        return { kind: 'failure', message: error.message, exceeded: false, cost: frame.cost };
      if (error instanceof CostExceeded) return { kind: 'failure', message: error.message, exceeded: true, cost: frame.cost };
      throw error;
    }
  }
}
