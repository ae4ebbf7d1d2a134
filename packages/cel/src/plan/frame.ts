import { CostExceeded, type EvaluationFailure } from '../values/failure.ts';
import type { CelValue } from '../values/value.ts';

/** The values of variables, by name. */
export interface Activation {
  get(name: string): CelValue | undefined;
}

/** One run of a program: its variables, what it has cost so far, and what it may cost. */
export class Frame {
  readonly activation: Activation;
  /** Variables of macros. A failure is there until something makes up for it. */
  readonly slots: (CelValue | EvaluationFailure)[] = [];
  readonly limit: number;
  cost = 0;

  constructor(activation: Activation, limit: number) {
    this.activation = activation;
    this.limit = limit;
  }

  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.limit) throw new CostExceeded();
  }
}

/** A planned node of an expression. Throws `EvaluationFailure`, or `CostExceeded`. */
export type Step = (frame: Frame) => CelValue;
