import type { CelUint } from '../values/value.ts';

/** A constant as it is written. */
export type Constant = null | boolean | bigint | number | string | Uint8Array | CelUint;

interface Node {
  /** Unique in its expression. */
  readonly id: number;
  /** Where it is reported: an offset into the text. */
  readonly position: number;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: Constant;
}

export interface Identifier extends Node {
  readonly kind: 'identifier';
  readonly name: string;
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly operand: Expression;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly testOnly: boolean;
}

/** Operators are calls too, under the names that CEL gives them: `_+_`, `_[_]`, `_?_:_`, `_?._`. */
export interface Call extends Node {
  readonly kind: 'call';
  readonly name: string;
  readonly target?: Expression;
  readonly args: readonly Expression[];
}

export interface ListLiteral extends Node {
  readonly kind: 'list';
  readonly elements: readonly Expression[];
  /** The indices of `[?element]`. */
  readonly optional: ReadonlySet<number>;
}

export interface MapLiteral extends Node {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: Expression; readonly value: Expression; readonly optional: boolean }[];
}

export interface StructLiteral extends Node {
  readonly kind: 'struct';
  readonly type: string;
  readonly fields: readonly { readonly name: string; readonly value: Expression; readonly optional: boolean }[];
}

/** What all macros over lists and maps become: a fold with a condition to go on. */
export interface Comprehension extends Node {
  readonly kind: 'comprehension';
  readonly range: Expression;
  readonly variable: string;
  /** In a comprehension with two variables, the value; `variable` is then the key or index. */
  readonly second?: string;
  readonly accumulator: string;
  readonly initial: Expression;
  readonly condition: Expression;
  readonly step: Expression;
  readonly result: Expression;
}

/** A parsed expression, with macros expanded. */
export type Expression = Literal | Identifier | Select | Call | ListLiteral | MapLiteral | StructLiteral | Comprehension;

/** The accumulator of macros; no text can name it. */
export const RESULT = '@result';
