import { RESULT, type Expression } from './expression.ts';
import { SyntaxFailure } from './source-error.ts';

/** What a macro is made from: a call with its arguments. */
export interface MacroCall {
  readonly name: string;
  readonly target: Expression | undefined;
  readonly args: readonly Expression[];
  readonly position: number;
}

export interface MacroTools {
  newId(): number;
}

/** Macros over a list or map that the library expands if they are called right. */
const SINGLE = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/**
 * Expands what the library leaves: macros with two variables, and those over optional values. Gives nothing for an ordinary call.
 * Throws `SyntaxFailure` for a macro that is called wrong.
 */
export function expandMacro(call: MacroCall, tools: MacroTools): Expression | undefined {
  const { name, target, args, position } = call;
  if (name === 'has' && !target && args.length === 1) throw new SyntaxFailure(position, 'invalid argument to has() macro');
  if (!target) return undefined;
  const build = new MacroBuilder(call, target, tools);
  if (name === 'existsOne' && args.length === 2) return build.existsOne();
  if (SINGLE.has(name) && args.length === 2)
    throw new SyntaxFailure(args[0]?.position ?? position, 'argument must be a simple name');
  if (name === 'optMap' && args.length === 2) return build.optional('optional.of');
  if (name === 'optFlatMap' && args.length === 2) return build.optional();
  if (args.length !== 3 && args.length !== 4) return undefined;
  return expandPair(build, name, args.length);
}

function expandPair(build: MacroBuilder, name: string, count: number): Expression | undefined {
  if (count === 3 && name === 'all') return build.quantifier(true);
  if (count === 3 && name === 'exists') return build.quantifier(false);
  if (count === 3 && (name === 'exists_one' || name === 'existsOne')) return build.existsOne();
  if (name === 'transformList') return build.transform('list');
  if (name === 'transformMap') return build.transform('map');
  if (name === 'transformMapEntry') return build.transform('entry');
  return undefined;
}

/** Builds folds, node by node, all at the position of the call. */
class MacroBuilder {
  readonly #call: MacroCall;
  readonly #target: Expression;
  readonly #tools: MacroTools;

  constructor(call: MacroCall, target: Expression, tools: MacroTools) {
    this.#call = call;
    this.#target = target;
    this.#tools = tools;
  }

  /** `all` if it begins with true, else `exists`. */
  quantifier(initial: boolean): Expression {
    const goOn = initial ? this.#result() : this.#operator('!_', this.#result());
    const condition = this.#operator('@not_strictly_false', goOn);
    const step = this.#operator(initial ? '_&&_' : '_||_', this.#result(), this.#last());
    return this.#fold({ initial: this.#literal(initial), condition, step, result: this.#result() });
  }

  existsOne(): Expression {
    const more = this.#operator('_+_', this.#result(), this.#literal(1n));
    const step = this.#operator('_?_:_', this.#last(), more, this.#result());
    const result = this.#operator('_==_', this.#result(), this.#literal(1n));
    return this.#fold({ initial: this.#literal(0n), condition: this.#literal(true), step, result });
  }

  transform(into: 'list' | 'map' | 'entry'): Expression {
    const added = this.#added(into);
    const { args } = this.#call;
    const filter = args.length === 4 ? args[2] : undefined;
    const step = filter ? this.#operator('_?_:_', filter, added, this.#result()) : added;
    const initial: Expression =
      into === 'list'
        ? { ...this.#node(), kind: 'list', elements: [], optional: new Set() }
        : { ...this.#node(), kind: 'map', entries: [] };
    return this.#fold({ initial, condition: this.#literal(true), step, result: this.#result() });
  }

  /** `target.hasValue() ? wrap(body with the value bound to a name) : optional.none()`. */
  optional(wrap?: string): Expression {
    const name = this.#nameAt(0);
    const bound: Expression = {
      ...this.#node(),
      kind: 'comprehension',
      range: { ...this.#node(), kind: 'list', elements: [], optional: new Set() },
      variable: '#unused',
      accumulator: name,
      initial: { ...this.#node(), kind: 'call', name: 'value', target: this.#target, args: [] },
      condition: this.#literal(false),
      step: { ...this.#node(), kind: 'identifier', name },
      result: this.#last(),
    };
    const some: Expression = wrap ? this.#operator(wrap, bound) : bound;
    const has: Expression = { ...this.#node(), kind: 'call', name: 'hasValue', target: this.#target, args: [] };
    return this.#operator('_?_:_', has, some, this.#operator('optional.none'));
  }

  #added(into: 'list' | 'map' | 'entry'): Expression {
    if (into === 'map') return this.#operator('cel.@mapInsert', this.#result(), this.#variable(0), this.#last());
    if (into === 'entry') return this.#operator('cel.@mapInsert', this.#result(), this.#last());
    return this.#operator('_+_', this.#result(), {
      ...this.#node(),
      kind: 'list',
      elements: [this.#last()],
      optional: new Set(),
    });
  }

  #fold(parts: { initial: Expression; condition: Expression; step: Expression; result: Expression }): Expression {
    const pair = this.#call.args.length > 2;
    const base = { ...this.#node(), kind: 'comprehension' as const, range: this.#target, accumulator: RESULT, ...parts };
    if (!pair) return { ...base, variable: this.#nameAt(0) };
    return { ...base, variable: this.#nameAt(0), second: this.#nameAt(1) };
  }

  #variable(index: number): Expression {
    return { ...this.#node(), kind: 'identifier', name: this.#nameAt(index) };
  }

  #nameAt(index: number): string {
    const arg = this.#call.args[index];
    if (arg?.kind !== 'identifier')
      throw new SyntaxFailure(arg?.position ?? this.#call.position, 'argument must be a simple name');
    return arg.name;
  }

  #last(): Expression {
    const last = this.#call.args.at(-1);
    if (!last) throw new SyntaxFailure(this.#call.position, 'invalid macro');
    return last;
  }

  #result(): Expression {
    return { ...this.#node(), kind: 'identifier', name: RESULT };
  }

  #literal(value: boolean | bigint): Expression {
    return { ...this.#node(), kind: 'literal', value };
  }

  #operator(name: string, ...args: Expression[]): Expression {
    return { ...this.#node(), kind: 'call', name, args };
  }

  #node() {
    return { id: this.#tools.newId(), position: this.#call.position };
  }
}
