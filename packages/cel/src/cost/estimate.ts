import type { CheckedExpression } from '../checker/checked.ts';
import type { Environment } from '../environment.ts';
import type { DeclaredType } from '../schema/declared-type.ts';
import { RESULT, type Call, type Comprehension, type Expression, type Select } from '../syntax/expression.ts';
import { DYN, unwrapOptional, type CelType } from '../types/cel-type.ts';
import { sizeOf } from '../values/size.ts';
import { estimateCall, type CallEstimate, type SizedArgument } from './estimate-call.ts';
import { add, either, exactly, MOST, multiply, ONE, UNKNOWN, ZERO, type Range } from './range.ts';

/** Sizes of keys and values of a list or map that an expression makes. */
interface EntrySizes {
  readonly isList: boolean;
  readonly key: Range;
  readonly value: Range;
}

/** Where a path through a schema leads. */
type Place = DeclaredType | 'nowhere';

/** What is known of a variable of a macro. */
interface Local {
  /** `undefined` if it is no part of a variable. */
  readonly place: Place | undefined;
  readonly size: Range | undefined;
  readonly entries: EntrySizes | undefined;
}

/**
 * The least and the most that running an expression can cost, by the limits that schemas set: `maxItems`, `maxLength`,
 * `maxProperties`, and what fits into a request where there is none.
 */
export function estimateCost(checked: CheckedExpression, environment: Environment): Range {
  return new Estimator(checked, environment).cost(checked.root);
}

class Estimator {
  readonly #checked: CheckedExpression;
  readonly #environment: Environment;
  /** What schemas judge, if it is that. */
  readonly #root: DeclaredType | undefined;
  readonly #places = new Map<number, Place>();
  readonly #sizes = new Map<number, Range>();
  readonly #entries = new Map<number, EntrySizes>();
  readonly #locals = new Map<string, Local[]>();

  constructor(checked: CheckedExpression, environment: Environment) {
    this.#checked = checked;
    this.#environment = environment;
    this.#root = environment.variables.get('self')?.declared;
  }

  cost(node: Expression): Range {
    switch (node.kind) {
      case 'literal':
        return ZERO;
      case 'identifier':
        this.#identify(node.id, node.name);
        return ONE;
      case 'select':
        return this.#select(node);
      case 'call':
        return this.#call(node);
      case 'list': {
        const costs = node.elements.map((element) => this.cost(element));
        this.#noteEntries(node.id, true, [], node.elements);
        return add(...costs, exactly(10));
      }
      case 'map': {
        const costs = node.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]);
        const keys = node.entries.map(({ key }) => key);
        this.#noteEntries(
          node.id,
          false,
          keys,
          node.entries.map(({ value }) => value),
        );
        return add(...costs, exactly(30));
      }
      case 'struct':
        return add(...node.fields.map(({ value }) => this.cost(value)), exactly(40));
      case 'comprehension':
        return this.#comprehension(node);
    }
  }

  #identify(id: number, name: string): void {
    const known = this.#checked.names.get(id);
    const local = known?.kind === 'local' ? this.#locals.get(name)?.at(-1) : undefined;
    const place = local ? local.place : this.#environment.variables.get(known?.name ?? name)?.declared;
    if (place) this.#places.set(id, place);
    if (local?.entries) this.#entries.set(id, local.entries);
    if (local?.size && isUnknown(place)) this.#sizes.set(id, local.size);
  }

  #select(node: Select): Range {
    if (this.#checked.names.has(node.id)) {
      this.#identify(node.id, node.field);
      return ONE;
    }
    const operand = this.cost(node.operand);
    if (node.testOnly) return operand;
    this.#noteField(node.id, node.operand, node.field);
    const { kind } = this.#type(node.operand);
    return kind === 'map' || kind === 'object' || kind === 'dyn' ? add(operand, ONE) : operand;
  }

  #noteField(id: number, operand: Expression, field: string): void {
    const place = this.#step(operand, ({ fields, type, element }) => {
      return fields?.get(field)?.declared ?? (type.kind === 'map' ? element : undefined);
    });
    if (place) this.#places.set(id, place);
  }

  /**
   * One step on from where an operand is. From what is no part of a variable, such as `(has(self.a) ? self.a : [])`, a step leads to the
   * root: Kubernetes leaves out the first step of each path, taking it for `self`. Real definitions fit into their budget by that.
   */
  #step({ id }: Expression, to: (declared: DeclaredType) => DeclaredType | undefined): Place | undefined {
    const place = this.#places.get(id);
    if (place === undefined) return this.#root;
    return place === 'nowhere' ? place : (to(place) ?? 'nowhere');
  }

  #call(node: Call): Range {
    if (node.name === '_?._') {
      const [operand, field] = node.args;
      if (!operand) return ONE;
      const cost = this.cost(operand);
      if (field?.kind === 'literal') this.#noteField(node.id, operand, String(field.value));
      return add(cost, ONE);
    }
    const overloads = this.#checked.overloads.get(node.id) ?? [];
    const costs = node.args.map((arg) => this.cost(arg));
    if (node.name === 'dyn' && node.args[0]) {
      this.#copy(node.id, node.args[0]);
      return add(ONE, ...costs);
    }
    const target = overloads[0]?.isMember ? node.target : undefined;
    const targetCost = target ? this.cost(target) : ZERO;
    const args = node.args.map((arg) => this.#argument(arg));
    const sized = target && this.#argument(target);
    const estimates = overloads.map((overload) => estimateCall({ overload, target: sized, args, costs }));
    this.#noteResult(node, estimates);
    const all = estimates.reduce<Range | undefined>((sum, { cost }) => (sum ? either(sum, cost) : cost), undefined);
    return add(targetCost, all ?? ZERO);
  }

  #noteResult(node: Call, estimates: readonly CallEstimate[]): void {
    const [first, second, third] = node.args;
    for (const { id } of this.#checked.overloads.get(node.id) ?? []) {
      if (first && /index_(list|map)$|optindex|list_index|map_index/.test(id)) this.#noteElement(node.id, first);
    }
    if (node.name === '_?_:_' && second && third) this.#noteEither(node.id, second, third);
    if (node.name === '_+_' && first && second) this.#noteEither(node.id, first, second);
    const sizes = estimates.flatMap(({ size }) => (size ? [size] : []));
    const [size, ...more] = sizes;
    if (size) this.#sizes.set(node.id, more.reduce(either, size));
  }

  #noteElement(id: number, container: Expression): void {
    const place = this.#step(container, ({ element }) => element);
    if (place) this.#places.set(id, place);
    const size = this.#entries.get(container.id)?.value;
    if (size) this.#sizes.set(id, size);
  }

  #noteEither(id: number, one: Expression, other: Expression): void {
    const [first, second] = [this.#entries.get(one.id), this.#entries.get(other.id)];
    if (!first || !second) return;
    this.#entries.set(id, { isList: first.isList, key: either(first.key, second.key), value: either(first.value, second.value) });
  }

  #copy(id: number, from: Expression): void {
    const [size, entries, place] = [this.#size(from), this.#entries.get(from.id), this.#places.get(from.id)];
    if (size) this.#sizes.set(id, size);
    if (entries) this.#entries.set(id, entries);
    if (place) this.#places.set(id, place);
  }

  #noteEntries(id: number, isList: boolean, keys: readonly Expression[], values: readonly Expression[]): void {
    const over = (nodes: readonly Expression[]) =>
      nodes.length === 0 ? UNKNOWN : nodes.map((node) => this.#sizeOrUnknown(node)).reduce(either);
    this.#entries.set(id, { isList, key: isList ? ONE : over(keys), value: over(values) });
  }

  #comprehension(node: Comprehension): Range {
    const before = add(this.cost(node.range), this.cost(node.initial));
    if (this.#isBinding(node)) return add(before, this.#binding(node));
    const initial = { place: undefined, size: this.#size(node.initial), entries: this.#entries.get(node.initial.id) };
    this.#push(node.accumulator, node.accumulator === RESULT ? { ...initial, size: undefined } : initial);
    this.#pushLoop(node);
    const turn = add(this.cost(node.condition), this.cost(node.step));
    this.#pop(node.variable);
    if (node.second !== undefined) this.#pop(node.second);
    const after = this.cost(node.result);
    this.#pop(node.accumulator);
    const count = this.#sizeOrUnknown(node.range);
    this.#noteFold(node, count);
    return add(before, after, multiply(count, turn));
  }

  #noteFold(node: Comprehension, count: Range): void {
    const { kind } = node.initial;
    const size = this.#size(node.initial);
    if (kind === 'literal' && size) this.#sizes.set(node.id, size);
    if (kind !== 'list' && kind !== 'map') return;
    this.#sizes.set(node.id, count);
    const entries = this.#entries.get(node.step.id);
    if (entries) this.#entries.set(node.id, entries);
  }

  /** What `optMap` makes: a value with a name. */
  #isBinding({ range, condition, accumulator }: Comprehension): boolean {
    const isEmpty = range.kind === 'list' && range.elements.length === 0;
    return isEmpty && condition.kind === 'literal' && condition.value === false && accumulator !== RESULT;
  }

  #binding({ id, accumulator, initial, result }: Comprehension): Range {
    const { id: from } = initial;
    this.#push(accumulator, { place: this.#places.get(from), size: this.#size(initial), entries: this.#entries.get(from) });
    const cost = this.cost(result);
    this.#pop(accumulator);
    this.#copy(id, result);
    return cost;
  }

  #pushLoop({ range, variable, second }: Comprehension): void {
    const entries = this.#entries.get(range.id);
    const isList = entries ? entries.isList : this.#type(range).kind === 'list';
    const key: Local = {
      place: isList ? undefined : this.#step(range, ({ key: keys }) => keys),
      size: entries?.key,
      entries: undefined,
    };
    const value: Local = { place: this.#step(range, ({ element }) => element), size: entries?.value, entries: undefined };
    if (second === undefined) this.#push(variable, isList ? value : key);
    else {
      this.#push(variable, key);
      this.#push(second, value);
    }
  }

  #push(name: string, local: Local): void {
    const known = this.#locals.get(name);
    if (known) known.push(local);
    else this.#locals.set(name, [local]);
  }

  #pop(name: string): void {
    this.#locals.get(name)?.pop();
  }

  #argument(node: Expression): SizedArgument {
    const element = this.#entries.get(node.id)?.value;
    const place = this.#places.get(node.id);
    const declared = place === 'nowhere' ? undefined : place?.element;
    const elementSize = element ?? (declared ? { min: 0, max: Math.min(declared.maxElements, MOST) } : UNKNOWN);
    return { node, type: this.#type(node), size: this.#sizeOrUnknown(node), elementSize };
  }

  #sizeOrUnknown(node: Expression): Range {
    return this.#size(node) ?? UNKNOWN;
  }

  #size(node: Expression): Range | undefined {
    const computed = this.#sizes.get(node.id) ?? sizeOfWritten(node);
    if (computed) return computed;
    const place = this.#places.get(node.id);
    if (!isUnknown(place) && !isFixed(this.#type(node))) return { min: 0, max: place.maxElements };
    return isFixed(unwrapOptional(this.#type(node))) ? ONE : undefined;
  }

  #type({ id }: Expression): CelType {
    return this.#checked.types.get(id) ?? DYN;
  }
}

function isUnknown(place: Place | undefined): place is 'nowhere' | undefined {
  return place === undefined || place === 'nowhere';
}

function sizeOfWritten(node: Expression): Range | undefined {
  if (node.kind === 'literal') return exactly(sizeOf(node.value));
  if (node.kind === 'list') return exactly(node.elements.length);
  return node.kind === 'map' ? exactly(node.entries.length) : undefined;
}

/** Types whose values all have the same size. */
function isFixed({ kind }: CelType): boolean {
  return kind === 'bool' || kind === 'int' || kind === 'uint' || kind === 'double' || kind === 'duration' || kind === 'timestamp';
}
