import { deepEqual } from '@keelson/api';
import { CelOptional, fromJson, PER_CALL_LIMIT, type Activation, type CelValue } from '@keelson/cel';
import { beforeOfField, beforeOfItem, type Before } from '../structural/correlation.ts';
import type { RuleJudge } from '../structural/rules.ts';
import { NO_FIELD } from '../structural/schema-errors.ts';
import { isRecord, META_FIELDS } from '../structural/structural-schema.ts';
import { duplicate, forbidden, invalidValue, required } from '../validation/errors.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { CompiledRule, RuleTree } from './compiled-rules.ts';

/** How long a message that an expression makes may be, in bytes. */
const MAX_MESSAGE_BYTES = 5 * 1024;
const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

/** Judges objects by the rules of their schema. */
export function judgeOf(tree: RuleTree): RuleJudge {
  return {
    judge(value, { before, costBudget }) {
      const judgement = new Judgement(costBudget);
      judgement.value({ tree, value, before, path: '', isRoot: true, parentUnchanged: () => false });
      return judgement.errors;
    },
  };
}

interface Subject {
  readonly tree: RuleTree;
  readonly value: unknown;
  readonly before: Before | undefined;
  readonly path: string;
  readonly isRoot: boolean;
  /** Whether what is around, as far as it can be compared, is as it was. */
  readonly parentUnchanged: () => boolean;
}

class Judgement {
  readonly errors: FieldError[] = [];
  #budget: number;

  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Rules see no nulls: whether there is one is judged by what is around. */
  value(subject: Subject): void {
    const { tree, value } = subject;
    if (value === null || value === undefined || this.#isOver) return;
    const unchanged = once(() => (subject.before ? deepEqual(subject.before.value, value) : subject.parentUnchanged()));
    this.#rules(subject, unchanged);
    for (const part of tree.allOf ?? []) this.value({ ...subject, tree: part });
    if (Array.isArray(value)) this.#items(subject, value, unchanged);
    else if (isRecord(value)) this.#fields(subject, value, unchanged);
  }

  get #isOver(): boolean {
    return this.#budget < 0;
  }

  #items({ tree, before, path }: Subject, items: readonly unknown[], parentUnchanged: () => boolean): void {
    if (!tree.items) return;
    for (const [index, value] of items.entries()) {
      const was = beforeOfItem(tree.schema, before, value);
      this.value({ tree: tree.items, value, before: was, path: `${path}[${index}]`, isRoot: false, parentUnchanged });
    }
  }

  #fields(subject: Subject, fields: Readonly<Record<string, unknown>>, unchanged: () => boolean): void {
    const { tree, path, isRoot } = subject;
    for (const [name, value] of Object.entries(fields)) {
      const own = tree.properties?.get(name);
      const inner = own ?? (tree.schema.properties?.[name] ? undefined : tree.values);
      if (!inner) continue;
      // Both versions of an object have been brought to one apiVersion: that it is the same says nothing.
      const isHead = isRoot && META_FIELDS.has(name) && name !== 'metadata';
      const before = isHead ? undefined : beforeOfField(tree.schema, subject.before, name);
      const at = own ? (path === '' ? name : `${path}.${name}`) : `${path}[${name}]`;
      const parentUnchanged = isHead ? () => false : unchanged;
      this.value({ tree: inner, value, before, path: at, isRoot: false, parentUnchanged });
    }
  }

  #rules({ tree, value, before, path }: Subject, unchanged: () => boolean): void {
    if (tree.rules.length === 0) return;
    const self = fromJson(value, tree.declared);
    const old = before?.value === undefined || before.value === null ? undefined : fromJson(before.value, tree.declared);
    for (const compiled of tree.rules) {
      if (this.#isOver) return;
      this.#rule(compiled, { tree, path, unchanged, variables: variablesOf(compiled, self, old) });
    }
  }

  #rule(compiled: CompiledRule, place: RulePlace): void {
    const { rule, condition, ruleError } = compiled;
    const type = place.tree.schema.type ?? '';
    const report = (text: string) => this.errors.push(invalidValue(fieldName(place.path), type, text));
    if (!condition) {
      report(`rule compile error: ${ruleError ?? ''}`);
      return;
    }
    if (!place.variables) return;
    const outcome = condition.program.evaluate(place.variables, PER_CALL_LIMIT);
    if (outcome.cost > this.#budget) {
      report(OUT_OF_BUDGET);
      this.#budget = -1;
      return;
    }
    this.#budget -= outcome.cost;
    if (outcome.kind === 'value') {
      if (outcome.value !== true) this.#refuse(compiled, place);
      return;
    }
    const shown = shownRule(compiled);
    if (outcome.exceeded) {
      report(`'${outcome.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown}`);
      this.#budget = -1;
    } else if (outcome.message.startsWith('no such overload')) {
      report(
        `'${outcome.message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`,
      );
    } else report(`${outcome.message} evaluating rule: ${rule.message ? shown : rule.rule.trim()}`);
  }

  /** A rule does not hold. What was wrong before and is unchanged is forgiven, unless the rule is about the change. */
  #refuse(compiled: CompiledRule, { tree, path, unchanged, variables }: RulePlace): void {
    if (!compiled.usesOldSelf && unchanged()) return;
    const { rule } = compiled;
    const type = tree.schema.type ?? '';
    const field = fieldName(path + relativePath(rule.fieldPath));
    const detail =
      (variables && this.#message(compiled, variables)) ?? (rule.message?.trim() || `failed rule: ${shownRule(compiled)}`);
    this.errors.push(errorFor(rule.reason, { field, type, detail }));
  }

  /** What the rule's expression for its message makes; `undefined` if that is no message. */
  #message({ message }: CompiledRule, variables: Activation): string | undefined {
    if (!message) return undefined;
    const outcome = message.program.evaluate(variables, PER_CALL_LIMIT);
    if (outcome.cost > this.#budget) {
      this.#budget = -1;
      return 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run';
    }
    this.#budget -= outcome.cost;
    if (outcome.kind !== 'value' || typeof outcome.value !== 'string') return undefined;
    const text = outcome.value.trim();
    const isMessage = text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MAX_MESSAGE_BYTES;
    return isMessage ? text : undefined;
  }
}

interface RulePlace {
  readonly tree: RuleTree;
  readonly path: string;
  readonly unchanged: () => boolean;
  /** `undefined` if the rule compares with what was before, and nothing was. */
  readonly variables: Activation | undefined;
}

function variablesOf({ usesOldSelf, rule }: CompiledRule, self: CelValue, old: CelValue | undefined): Activation | undefined {
  if (rule.optionalOldSelf === true) {
    const before = old === undefined ? CelOptional.NONE : new CelOptional(old);
    return new Map<string, CelValue>([
      ['self', self],
      ['oldSelf', before],
    ]);
  }
  if (usesOldSelf && old === undefined) return undefined;
  return new Map<string, CelValue>([['self', self], ...(old === undefined ? [] : [['oldSelf', old] as const])]);
}

function shownRule({ rule }: CompiledRule): string {
  return (rule.message || rule.rule).trim();
}

function fieldName(path: string): string {
  const own = path.startsWith('.') ? path.slice(1) : path;
  return own === '' ? NO_FIELD : own;
}

/** `.spec['a']` as it stands in names of fields. */
function relativePath(fieldPath: string | undefined): string {
  return (fieldPath ?? '')
    .trim()
    .replaceAll(/\['((?:[^'\\]|\\.)*)'\]/g, (_, name: string) => `.${name.replaceAll(/\\(.)/g, '$1')}`);
}

function errorFor(
  reason: string | undefined,
  { field, type, detail }: { readonly field: string; readonly type: string; readonly detail: string },
): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(field, detail);
    case 'FieldValueRequired':
      return required(field, detail);
    case 'FieldValueDuplicate':
      return duplicate(field, type);
    default:
      return invalidValue(field, type, detail);
  }
}

function once<T>(compute: () => T): () => T {
  let known: { readonly value: T } | undefined;
  return () => (known ??= { value: compute() }).value;
}
