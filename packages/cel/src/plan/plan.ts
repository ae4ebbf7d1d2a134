import type { CheckedExpression } from '../checker/checked.ts';
import {
  RESULT,
  type Call,
  type Expression,
  type Identifier,
  type ListLiteral,
  type MapLiteral,
  type Select,
  type StructLiteral,
} from '../syntax/expression.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { ArrayList, GrowingList } from '../values/lists.ts';
import { GrowingMap } from '../values/maps.ts';
import { StructValue } from '../values/struct.ts';
import { CelOptional, CelTypeValue, type CelValue } from '../values/value.ts';
import { planCall } from './calls.ts';
import type { Step } from './frame.ts';
import { planFold } from './folds.ts';
import type { Planning } from './planning.ts';
import { isFieldSet, optionalField, selectField } from './select.ts';

/** What making things costs. */
const LIST_COST = 10;
const MAP_COST = 30;
const STRUCT_COST = 40;

/** Turns a checked expression into functions that call each other, so that running it decides nothing twice. */
export class Planner implements Planning {
  readonly checked: CheckedExpression;
  readonly #slots = new Map<string, number[]>();
  #nextSlot = 0;

  constructor(checked: CheckedExpression) {
    this.checked = checked;
  }

  plan(node: Expression): Step {
    switch (node.kind) {
      case 'literal': {
        const { value } = node;
        return () => value;
      }
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
        return planFold(this, node);
    }
  }

  withSlots<T>(names: readonly string[], inner: (slots: readonly number[]) => T): T {
    const slots = names.map((name) => {
      const slot = this.#nextSlot++;
      const known = this.#slots.get(name);
      if (known) known.push(slot);
      else this.#slots.set(name, [slot]);
      return slot;
    });
    const result = inner(slots);
    for (const name of names) this.#slots.get(name)?.pop();
    return result;
  }

  #identifier({ id, name }: Identifier): Step {
    return this.#named(id, name);
  }

  #named(id: number, plain: string): Step {
    const found = this.checked.names.get(id);
    if (found?.kind === 'type') {
      const value = new CelTypeValue(found.name);
      return () => value;
    }
    if (found?.kind === 'local') return this.#local(found.name);
    const name = found?.name ?? plain;
    return (frame) => {
      frame.charge(1);
      const value = frame.activation.get(name);
      if (value === undefined) throw new EvaluationFailure(`no such attribute(s): ${name}`);
      return value;
    };
  }

  #local(name: string): Step {
    const slot = this.#slots.get(name)?.at(-1) ?? -1;
    return (frame) => {
      frame.charge(1);
      const value = frame.slots[slot] ?? null;
      if (value instanceof EvaluationFailure) throw value;
      return value;
    };
  }

  #select(node: Select): Step {
    if (this.checked.names.has(node.id)) return this.#named(node.id, node.field);
    const operand = this.plan(node.operand);
    const { field } = node;
    if (node.testOnly) return (frame) => isFieldSet(operand(frame), field);
    return (frame) => {
      const value = operand(frame);
      frame.charge(1);
      return selectField(value, field);
    };
  }

  #call(node: Call): Step {
    const added = this.#addedToResult(node);
    if (added) return added;
    if (node.name !== '_?._') return planCall(this, node);
    const [operandNode, fieldNode] = node.args;
    if (!operandNode || fieldNode?.kind !== 'literal') throw new EvaluationFailure('no such overload');
    const operand = this.plan(operandNode);
    const field = String(fieldNode.value);
    return (frame) => {
      const value = operand(frame);
      frame.charge(1);
      return optionalField(value, field);
    };
  }

  /** `@result + [element]`, as macros say it: the list grows in place, as nothing else can know it yet. */
  #addedToResult({ name, args: [result, added] }: Call): Step | undefined {
    if (name !== '_+_' || result?.kind !== 'identifier' || result.name !== RESULT || added?.kind !== 'list') return undefined;
    const [elementNode] = added.elements;
    if (!elementNode) return undefined;
    const list = this.plan(result);
    const element = this.plan(elementNode);
    return (frame) => {
      const growing = list(frame);
      frame.charge(LIST_COST + 1);
      const value = element(frame);
      if (!(growing instanceof GrowingList)) throw new EvaluationFailure('no such overload');
      growing.items.push(value);
      return growing;
    };
  }

  #list({ elements, optional }: ListLiteral): Step {
    const steps = elements.map((element) => this.plan(element));
    if (optional.size === 0) {
      return (frame) => {
        frame.charge(LIST_COST);
        return new ArrayList(steps.map((step) => step(frame)));
      };
    }
    return (frame) => {
      frame.charge(LIST_COST);
      const items: CelValue[] = [];
      for (const [index, step] of steps.entries()) {
        const value = optional.has(index) ? optionalContent(step(frame)) : step(frame);
        if (value !== undefined) items.push(value);
      }
      return new ArrayList(items);
    };
  }

  #map({ entries }: MapLiteral): Step {
    const steps = entries.map(({ key, value, optional }) => ({ key: this.plan(key), value: this.plan(value), optional }));
    return (frame) => {
      frame.charge(MAP_COST);
      const map = new GrowingMap();
      for (const { key, value, optional } of steps) {
        const made = optional ? optionalContent(value(frame)) : value(frame);
        if (made !== undefined) map.add(key(frame), made);
      }
      return map;
    };
  }

  #struct({ type, fields }: StructLiteral): Step {
    const steps = fields.map(({ name, value, optional }) => ({ name, value: this.plan(value), optional }));
    return (frame) => {
      frame.charge(STRUCT_COST);
      const made = new Map<string, CelValue>();
      for (const { name, value, optional } of steps) {
        const content = optional ? optionalContent(value(frame)) : value(frame);
        if (content !== undefined) made.set(name, content);
      }
      return new StructValue(type, made);
    };
  }
}

function optionalContent(value: CelValue): CelValue | undefined {
  if (value instanceof CelOptional) return value.value;
  throw new EvaluationFailure(`cannot initialize optional from a value that is not optional`);
}
