import type { Overload } from '../functions/overload.ts';
import type { Expression } from '../syntax/expression.ts';
import type { CelType } from '../types/cel-type.ts';

/** What the names and calls of an expression mean. */
export interface CheckedExpression {
  readonly root: Expression;
  readonly resultType: CelType;
  /** Every node's type, by its id. */
  readonly types: ReadonlyMap<number, CelType>;
  /** What a call may be, by its id: several if types are only known when it runs. */
  readonly overloads: ReadonlyMap<number, readonly Overload[]>;
  /** Names of variables with dots, and of types, by the id of the node that is one. */
  readonly names: ReadonlyMap<number, Name>;
  /** The variables that are used. */
  readonly variables: ReadonlySet<string>;
}

/** What a name stands for. */
export type Name =
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'type'; readonly name: string }
  | { readonly kind: 'local'; readonly name: string };
