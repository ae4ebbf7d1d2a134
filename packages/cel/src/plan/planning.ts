import type { CheckedExpression } from '../checker/checked.ts';
import type { Expression } from '../syntax/expression.ts';
import type { Step } from './frame.ts';

/** What the plan of a node needs to plan what is in it. */
export interface Planning {
  readonly checked: CheckedExpression;
  plan(node: Expression): Step;
  /** Places for variables of a macro, which what `inner` plans can see. */
  withSlots<T>(names: readonly string[], inner: (slots: readonly number[]) => T): T;
}
