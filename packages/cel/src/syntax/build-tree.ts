import type { parse } from '@bufbuild/cel';
import { CelUint } from '../values/value.ts';
import type { Constant, Expression } from './expression.ts';
import { library } from './library.ts';
import { expandMacro, type MacroTools } from './macros.ts';
import type { MarkedText } from './optional-markers.ts';
import { SyntaxFailure } from './source-error.ts';

type Parsed = ReturnType<typeof parse>;
type LibraryExpression = NonNullable<Parsed['expr']>;
type Kind<C> = Extract<LibraryExpression['exprKind'], { case: C }>;

const MAX_DEPTH = 250;
const MAX_INT = 2n ** 63n - 1n;
const MAX_UINT = 2n ** 64n - 1n;
const NO_INDICES: ReadonlySet<number> = new Set();

/** Turns the library's tree into ours: with optional syntax back in, with all macros expanded, and no deeper than can be walked. */
export class TreeBuilder implements MacroTools {
  readonly #marked: MarkedText;
  #positions: Readonly<Record<string, number>> = {};
  #nextId = 1;
  #depth = 0;

  constructor(marked: MarkedText) {
    this.#marked = marked;
  }

  build({ expr, sourceInfo }: Parsed): Expression {
    this.#positions = sourceInfo?.positions ?? {};
    if (!expr) throw new SyntaxFailure(0, 'Syntax error: empty expression');
    return this.#expression(expr);
  }

  newId(): number {
    return this.#nextId++;
  }

  #expression(from: LibraryExpression): Expression {
    const position = this.#positions[String(from.id)] ?? 0;
    if (++this.#depth > MAX_DEPTH) throw new SyntaxFailure(position, `expression recursion limit exceeded: ${MAX_DEPTH}`);
    const built = this.#node(from, position);
    this.#depth--;
    return built;
  }

  #node({ exprKind }: LibraryExpression, position: number): Expression {
    switch (exprKind.case) {
      case 'constExpr':
        return { kind: 'literal', id: this.newId(), position, value: constantOf(exprKind.value, position) };
      case 'identExpr':
        return { kind: 'identifier', id: this.newId(), position, name: exprKind.value.name };
      case 'selectExpr':
        return this.#select(exprKind.value, position);
      case 'callExpr':
        return this.#call(exprKind.value, position);
      case 'listExpr':
        return this.#list(exprKind.value, position);
      case 'structExpr':
        return this.#struct(exprKind.value, position);
      case 'comprehensionExpr':
        return this.#comprehension(exprKind.value, position);
      default:
        throw new SyntaxFailure(position, 'Syntax error: unsupported expression');
    }
  }

  #select({ operand, field, testOnly }: Kind<'selectExpr'>['value'], position: number): Expression {
    const inner = this.#required(operand, position);
    const id = this.newId();
    const isOptional = !testOnly && this.#marked.selects.has(this.#skipSpace(position));
    if (!isOptional) return { kind: 'select', id, position, operand: inner, field, testOnly };
    const name: Expression = { kind: 'literal', id: this.newId(), position, value: field };
    return { kind: 'call', id, position, name: '_?._', args: [inner, name] };
  }

  #call({ target, function: name, args }: Kind<'callExpr'>['value'], position: number): Expression {
    const builtArgs = args.map((arg) => this.#expression(arg));
    if (name === '_[_]' && this.#marked.elements.get(this.#skipSpace(position))?.has(0)) {
      return { kind: 'call', id: this.newId(), position, name: '_[?_]', args: builtArgs };
    }
    const receiver = target && this.#expression(target);
    const expanded = expandMacro({ name, target: receiver, args: builtArgs, position }, this);
    if (expanded) return expanded;
    const id = this.newId();
    return { kind: 'call', id, position, name, args: builtArgs, ...(receiver && { target: receiver }) };
  }

  #list({ elements }: Kind<'listExpr'>['value'], position: number): Expression {
    const optional = this.#marked.elements.get(position) ?? NO_INDICES;
    const built = elements.map((element) => this.#expression(element));
    return { kind: 'list', id: this.newId(), position, elements: built, optional };
  }

  #struct({ messageName, entries }: Kind<'structExpr'>['value'], position: number): Expression {
    const id = this.newId();
    const brace = messageName === '' ? position : this.#braceAfter(position);
    const optional = this.#marked.elements.get(brace) ?? NO_INDICES;
    if (messageName === '') {
      const built = entries.map(({ keyKind, value }, index) => {
        if (keyKind.case !== 'mapKey') throw new SyntaxFailure(position, 'Syntax error: a map needs expressions as keys');
        const key = this.#expression(keyKind.value);
        return { key, value: this.#required(value, position), optional: optional.has(index) };
      });
      return { kind: 'map', id, position, entries: built };
    }
    const fields = entries.map(({ keyKind, value }, index) => {
      if (keyKind.case !== 'fieldKey') throw new SyntaxFailure(position, 'Syntax error: an object needs names of fields');
      return { name: keyKind.value, value: this.#required(value, position), optional: optional.has(index) };
    });
    return { kind: 'struct', id, position, type: messageName, fields };
  }

  #comprehension(from: Kind<'comprehensionExpr'>['value'], position: number): Expression {
    const parts = [from.iterRange, from.accuInit, from.loopCondition, from.loopStep, from.result];
    const [range, initial, condition, step, result] = parts.map((part) => this.#required(part, position));
    if (!range || !initial || !condition || !step || !result) throw new SyntaxFailure(position, 'Syntax error: broken macro');
    const { iterVar: variable, accuVar: accumulator } = from;
    return {
      kind: 'comprehension',
      id: this.newId(),
      position,
      range,
      variable,
      accumulator,
      initial,
      condition,
      step,
      result,
    };
  }

  #required(from: LibraryExpression | undefined, position: number): Expression {
    if (!from) throw new SyntaxFailure(position, 'Syntax error: incomplete expression');
    return this.#expression(from);
  }

  #skipSpace(position: number): number {
    const { text } = this.#marked;
    let at = position;
    while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
    return at;
  }

  #braceAfter(position: number): number {
    return this.#marked.text.indexOf('{', position);
  }
}

function constantOf(from: Kind<'constExpr'>['value'], position: number): Constant {
  const { constantKind } = from;
  switch (constantKind.case) {
    case 'nullValue':
      return null;
    case 'int64Value':
      if (constantKind.value > MAX_INT || constantKind.value < -MAX_INT - 1n) {
        throw new SyntaxFailure(position, 'Syntax error: invalid int literal');
      }
      return constantKind.value;
    case 'uint64Value': {
      const value: unknown = constantKind.value;
      const unsigned = library().isCelUint(value) ? value.value : BigInt(constantKind.value);
      if (unsigned > MAX_UINT) throw new SyntaxFailure(position, 'Syntax error: invalid uint literal');
      return new CelUint(unsigned);
    }
    case 'boolValue':
    case 'doubleValue':
    case 'stringValue':
    case 'bytesValue':
      return constantKind.value;
    default:
      throw new SyntaxFailure(position, 'Syntax error: unsupported literal');
  }
}
