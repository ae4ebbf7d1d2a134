import { TYPE_NAMES } from '../functions/conversions.ts';
import type { Overload } from '../functions/overload.ts';
import type { Environment } from '../environment.ts';
import type { SourceError } from '../syntax/source-error.ts';
import type {
  Call,
  Comprehension,
  Expression,
  Identifier,
  ListLiteral,
  MapLiteral,
  Select,
  StructLiteral,
} from '../syntax/expression.ts';
import { agree, moreGeneral, resolve, type Substitutions } from '../types/assignability.ts';
import * as types from '../types/cel-type.ts';
import type { CelType } from '../types/cel-type.ts';
import { CelUint } from '../values/value.ts';
import type { CheckedExpression, Name } from './checked.ts';
import { checkLiteralArguments } from './literal-arguments.ts';
import { chooseOverloads, formatSignature } from './choose-overloads.ts';

/** Finds what all names and calls of an expression mean, and the types of everything. All errors are found in one pass. */
export function checkExpression(root: Expression, environment: Environment): CheckedExpression | readonly SourceError[] {
  const checker = new Checker(environment);
  const resultType = checker.check(root);
  if (checker.errors.length > 0) return checker.errors;
  return checker.result(root, resultType);
}

class Checker {
  readonly errors: SourceError[] = [];
  readonly #environment: Environment;
  readonly #types = new Map<number, CelType>();
  readonly #overloads = new Map<number, readonly Overload[]>();
  readonly #names = new Map<number, Name>();
  readonly #variables = new Set<string>();
  readonly #locals = new Map<string, CelType[]>();
  #substitutions: Substitutions = new Map();
  #nextParameter = 0;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  result(root: Expression, resultType: CelType): CheckedExpression {
    const closed = [...this.#types].map(([id, type]) => [id, resolve(this.#substitutions, type, true)] as const);
    return {
      root,
      resultType: resolve(this.#substitutions, resultType, true),
      types: new Map(closed),
      overloads: this.#overloads,
      names: this.#names,
      variables: this.#variables,
    };
  }

  check(node: Expression): CelType {
    const type = this.#typeOf(node);
    this.#types.set(node.id, type);
    return type;
  }

  #typeOf(node: Expression): CelType {
    switch (node.kind) {
      case 'literal':
        return typeOfConstant(node.value);
      case 'identifier':
        return this.#identifier(node);
      case 'select':
        return this.#select(node);
      case 'call':
        return this.#call(node);
      case 'list':
        return this.#list(node);
      case 'map':
        return this.#map(node);
      case 'struct':
        return this.#struct(node);
      case 'comprehension':
        return this.#comprehension(node);
    }
  }

  #identifier({ id, position, name }: Identifier): CelType {
    const found = this.#named(id, name);
    if (found) return found;
    this.#report(position, `undeclared reference to '${name}' (in container '')`);
    return types.ERROR;
  }

  /** The type of what a name stands for, which is noted. */
  #named(id: number, name: string): CelType | undefined {
    const local = this.#locals.get(name)?.at(-1);
    if (local) {
      this.#names.set(id, { kind: 'local', name });
      return local;
    }
    const variable = this.#environment.variables.get(name);
    if (variable) {
      this.#names.set(id, { kind: 'variable', name });
      this.#variables.add(name);
      return variable.type;
    }
    const type = TYPE_NAMES.get(name);
    if (!type) return undefined;
    this.#names.set(id, { kind: 'type', name });
    return types.typeOfType(type);
  }

  #select(node: Select): CelType {
    const qualified = node.testOnly ? undefined : qualifiedName(node);
    if (qualified !== undefined && !this.#locals.has(qualified.split('.')[0] ?? '')) {
      const found = this.#named(node.id, qualified);
      if (found) return found;
    }
    const operand = this.check(node.operand);
    const field = this.#field(operand, node.field, node.position);
    return node.testOnly ? types.BOOL : field;
  }

  #field(operandType: CelType, field: string, position: number): CelType {
    const resolved = resolve(this.#substitutions, operandType);
    const target = types.unwrapOptional(resolved);
    const found = this.#fieldOf(target, field, position);
    return types.isOptional(resolved) ? types.optionalOf(found) : found;
  }

  #fieldOf(target: CelType, field: string, position: number): CelType {
    switch (target.kind) {
      case 'map':
        return target.parameters[1] ?? types.DYN;
      case 'object': {
        const type = target.fields?.get(field) ?? this.#environment.structs?.field(target, field);
        if (type) return type;
        this.#report(position, `undefined field '${field}'`);
        return types.ERROR;
      }
      case 'parameter':
        this.#agree(types.DYN, target);
        return types.DYN;
      case 'dyn':
      case 'error':
        return types.DYN;
      default:
        this.#report(position, `type '${types.formatType(target)}' does not support field selection`);
        return types.DYN;
    }
  }

  #call(node: Call): CelType {
    if (node.name === '_?._') return this.#optionalSelect(node);
    for (const arg of node.args) this.check(arg);
    const qualified = node.target && qualifiedName(node.target);
    const namespaced = qualified === undefined ? undefined : this.#environment.functions.get(`${qualified}.${node.name}`);
    if (namespaced) return this.#overload(node, namespaced, node.args, `${qualified}.${node.name}`);
    const operands = node.target ? [node.target, ...node.args] : node.args;
    if (node.target) this.check(node.target);
    const candidates = this.#environment.functions.get(node.name);
    if (candidates) return this.#overload(node, candidates, operands, node.name);
    this.#report(node.position, `undeclared reference to '${node.name}' (in container '')`);
    return types.ERROR;
  }

  #overload(node: Call, candidates: readonly Overload[], operands: readonly Expression[], name: string): CelType {
    const isMember = operands.length > node.args.length;
    const argTypes = operands.map(({ id }) => this.#types.get(id) ?? types.ERROR);
    const fresh = () => types.parameter(`_var${this.#nextParameter++}`);
    const chosen = chooseOverloads({ candidates, isMember, argTypes, substitutions: this.#substitutions, fresh });
    if (!chosen) {
      const shown = argTypes.map((type) => resolve(this.#substitutions, type, true));
      const signature = formatSignature(shown, isMember);
      this.#report(node.position, `found no matching overload for '${name}' applied to '${signature}'`);
      return types.ERROR;
    }
    this.#substitutions = chosen.substitutions;
    this.#overloads.set(node.id, chosen.overloads);
    const problem = checkLiteralArguments(name, operands);
    if (problem) this.#report(problem.position, problem.message);
    return chosen.result;
  }

  #optionalSelect(node: Call): CelType {
    const [operand, field] = node.args;
    if (!operand || field?.kind !== 'literal' || typeof field.value !== 'string') {
      this.#report(node.position, 'unsupported optional field selection');
      return types.ERROR;
    }
    const found = this.#field(this.check(operand), field.value, node.position);
    this.#types.set(field.id, types.STRING);
    return types.isOptional(found) ? found : types.optionalOf(found);
  }

  #list({ elements, optional }: ListLiteral): CelType {
    let joined: CelType | undefined;
    for (const [index, element] of elements.entries()) {
      joined = this.#join(element, joined, this.#element(element, optional.has(index)));
    }
    return types.listOf(joined ?? this.#newParameter());
  }

  #map({ entries }: MapLiteral): CelType {
    let keyType: CelType | undefined;
    let valueType: CelType | undefined;
    for (const { key, value, optional } of entries) {
      keyType = this.#join(key, keyType, this.check(key));
      valueType = this.#join(value, valueType, this.#element(value, optional));
    }
    return types.mapOf(keyType ?? this.#newParameter(), valueType ?? this.#newParameter());
  }

  /** The type of an element, which may have to be optional. */
  #element(node: Expression, isOptional: boolean): CelType {
    const type = resolve(this.#substitutions, this.check(node));
    if (!isOptional) return type;
    if (!types.isOptional(type) && !types.isDynOrError(type)) this.#mismatch(node.position, types.optionalOf(type), type);
    return types.unwrapOptional(type);
  }

  #join(node: Expression, previous: CelType | undefined, current: CelType): CelType {
    if (!previous) return current;
    if (this.#agree(previous, current)) return moreGeneral(previous, current);
    if (this.#environment.mixedLiterals === true) return types.DYN;
    this.#mismatch(node.position, previous, current);
    return types.ERROR;
  }

  #struct({ position, type: name, fields }: StructLiteral): CelType {
    const type = this.#environment.structs?.find(name);
    if (!type) this.#report(position, `undeclared reference to '${name}' (in container '')`);
    for (const { name: field, value, optional } of fields) {
      const given = this.#element(value, optional);
      if (!type) continue;
      const wanted = type.fields?.get(field) ?? this.#environment.structs?.field(type, field);
      if (!wanted) this.#report(value.position, `undefined field '${field}'`);
      else if (!this.#agree(wanted, given)) {
        const shown = [wanted, given].map((each) => types.formatType(resolve(this.#substitutions, each, true)));
        this.#report(value.position, `expected type of field '${field}' is '${shown[0]}' but provided type is '${shown[1]}'`);
      }
    }
    return type ?? types.ERROR;
  }

  #comprehension(node: Comprehension): CelType {
    const range = resolve(this.#substitutions, this.check(node.range));
    const accumulator = this.check(node.initial);
    const [first, second] = this.#variablesOf(range, node);
    const scope: [string, CelType][] = [[node.accumulator, accumulator]];
    this.#push(scope);
    const loop: [string, CelType][] = [[node.variable, first]];
    if (node.second !== undefined) loop.push([node.second, second]);
    this.#push(loop);
    this.#expect(node.condition, types.BOOL);
    this.#expect(node.step, accumulator);
    this.#pop(loop);
    const result = this.check(node.result);
    this.#pop(scope);
    return resolve(this.#substitutions, result);
  }

  #variablesOf(range: CelType, { second, range: { position } }: Comprehension): [CelType, CelType] {
    const [key = types.DYN, value = types.DYN] = range.parameters;
    switch (range.kind) {
      case 'list':
        return second === undefined ? [key, types.DYN] : [types.INT, key];
      case 'map':
        return [key, value];
      case 'parameter':
        this.#agree(types.DYN, range);
        return [types.DYN, types.DYN];
      case 'dyn':
      case 'error':
        return [types.DYN, types.DYN];
      default: {
        const shown = types.formatType(range);
        this.#report(
          position,
          `expression of type '${shown}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [types.ERROR, types.ERROR];
      }
    }
  }

  #expect(node: Expression, wanted: CelType): void {
    const found = this.check(node);
    if (!this.#agree(wanted, found)) this.#mismatch(node.position, wanted, found);
  }

  #push(scope: readonly (readonly [string, CelType])[]): void {
    for (const [name, type] of scope) {
      const known = this.#locals.get(name);
      if (known) known.push(type);
      else this.#locals.set(name, [type]);
    }
  }

  #pop(scope: readonly (readonly [string, CelType])[]): void {
    for (const [name] of scope) {
      const known = this.#locals.get(name);
      known?.pop();
      if (known?.length === 0) this.#locals.delete(name);
    }
  }

  #agree(one: CelType, other: CelType): boolean {
    const tried = new Map(this.#substitutions);
    if (!agree(tried, one, other)) return false;
    this.#substitutions = tried;
    return true;
  }

  #newParameter(): CelType {
    return types.parameter(`_var${this.#nextParameter++}`);
  }

  #mismatch(position: number, wanted: CelType, found: CelType): void {
    const [expected, actual] = [wanted, found].map((type) => types.formatType(resolve(this.#substitutions, type, true)));
    this.#report(position, `expected type '${expected}' but found '${actual}'`);
  }

  #report(position: number, message: string): void {
    this.errors.push({ position, message });
  }
}

/** `a.b.c` if that is all it is. */
export function qualifiedName(node: Expression): string | undefined {
  if (node.kind === 'identifier') return node.name;
  if (node.kind !== 'select' || node.testOnly) return undefined;
  const operand = qualifiedName(node.operand);
  return operand === undefined ? undefined : `${operand}.${node.field}`;
}

function typeOfConstant(value: unknown): CelType {
  switch (typeof value) {
    case 'string':
      return types.STRING;
    case 'bigint':
      return types.INT;
    case 'number':
      return types.DOUBLE;
    case 'boolean':
      return types.BOOL;
    default:
      if (value === null) return types.NULL;
      return value instanceof CelUint ? types.UINT : types.BYTES;
  }
}
