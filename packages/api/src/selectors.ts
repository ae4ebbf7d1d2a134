import { KeelsonError } from '@keelson/base';
import type { LabelSelector } from './generated/meta/v1.ts';
import { isQualifiedName, isValidLabelValue } from './validation/names.ts';

export type LabelOperator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  readonly values: readonly string[];
}

type Labels = Readonly<Record<string, string>> | undefined;

/** All of some requirements on labels. `NotIn` also matches objects that lack the key, as Kubernetes does. */
export class LabelSelectorMatcher {
  readonly requirements: readonly LabelRequirement[];
  readonly #matchesNothing: boolean;

  constructor(requirements: readonly LabelRequirement[], matchesNothing = false) {
    this.requirements = requirements;
    this.#matchesNothing = matchesNothing;
  }

  get isEmpty(): boolean {
    return !this.#matchesNothing && this.requirements.length === 0;
  }

  matches(labels: Labels): boolean {
    return !this.#matchesNothing && this.requirements.every((requirement) => matchesRequirement(requirement, labels));
  }

  /** As `kubectl --selector` takes it. */
  toString(): string {
    return this.requirements.map(requirementText).join(',');
  }
}

function matchesRequirement({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  if (operator === 'In' && values.length === 1) return `${key}=${values[0]}`;
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`;
}

const TOKEN = /\s*(,|\(|\)|!=|!|==|=|[^\s,()!=]+)/y;

/** Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`. Throws `BadRequest`. */
export function parseLabelSelector(text: string): LabelSelectorMatcher {
  return new LabelSelectorMatcher(new SelectorParser(text).parse());
}

class SelectorParser {
  readonly #text: string;
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    TOKEN.lastIndex = 0;
    for (let found = TOKEN.exec(text); found; found = TOKEN.exec(text)) this.#tokens.push(found[1] ?? '');
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    while (this.#at < this.#tokens.length) {
      requirements.push(this.#requirement());
      const comma = this.#take();
      if (comma === undefined) break;
      if (comma !== ',') this.#fail(`found '${comma}', expected: ',' or 'end of string'`);
      if (this.#at === this.#tokens.length) this.#fail(`found '', expected: identifier after ','`);
    }
    return requirements;
  }

  #take(): string | undefined {
    return this.#tokens[this.#at++];
  }

  #requirement(): LabelRequirement {
    const first = this.#take() ?? '';
    if (first === '!') return this.#checked(this.#take() ?? '', 'DoesNotExist', []);
    const operator = this.#tokens[this.#at];
    if (operator === undefined || operator === ',') return this.#checked(first, 'Exists', []);
    this.#at += 1;
    if (operator === '=' || operator === '==') return this.#checked(first, 'In', [this.#value()]);
    if (operator === '!=') return this.#checked(first, 'NotIn', [this.#value()]);
    if (operator === 'in') return this.#checked(first, 'In', this.#values());
    if (operator === 'notin') return this.#checked(first, 'NotIn', this.#values());
    return this.#fail(`found '${operator}', expected: in, notin, =, ==, !=`);
  }

  /** A value may be empty: `a=` and `a=,b`. */
  #value(): string {
    const next = this.#tokens[this.#at];
    if (next === undefined || next === ',') return '';
    this.#at += 1;
    return next;
  }

  #values(): string[] {
    if (this.#take() !== '(') this.#fail(`found '${this.#tokens[this.#at - 1] ?? ''}', expected: '('`);
    const values: string[] = [];
    for (let expectsValue = true; ;) {
      const next = this.#take();
      if (next === undefined) return this.#fail(`found '', expected: ',' or ')'`);
      if (next === ')') {
        if (expectsValue) values.push('');
        return values;
      }
      if (next === ',' && expectsValue) values.push('');
      else if (next !== ',' && expectsValue) values.push(next);
      else if (next !== ',') return this.#fail(`found '${next}', expected: ',' or ')'`);
      expectsValue = next === ',';
    }
  }

  #checked(key: string, operator: LabelOperator, values: readonly string[]): LabelRequirement {
    const wrongKey = isQualifiedName(key);
    if (wrongKey.length > 0) this.#fail(`key: Invalid value: "${key}": ${wrongKey.join('; ')}`);
    for (const value of values) {
      const wrong = isValidLabelValue(value);
      if (wrong.length > 0) this.#fail(`values[0][${key}]: Invalid value: "${value}": ${wrong.join('; ')}`);
    }
    return { key, operator, values };
  }

  #fail(why: string): never {
    throw new KeelsonError('BadRequest', `unable to parse requirement: ${why}`, { details: { name: this.#text } });
  }
}

/** Of a `metav1.LabelSelector`: none selects nothing, an empty one everything. */
export function labelSelectorFrom(selector: LabelSelector | undefined): LabelSelectorMatcher {
  if (!selector) return new LabelSelectorMatcher([], true);
  const equal = Object.entries(selector.matchLabels ?? {}).map(([key, value]): LabelRequirement => ({
    key,
    operator: 'In',
    values: [value],
  }));
  const expressions = (selector.matchExpressions ?? []).map(({ key, operator, values }) => ({
    key,
    operator: asOperator(operator),
    values: values ?? [],
  }));
  return new LabelSelectorMatcher([...equal, ...expressions]);
}

function asOperator(text: string): LabelOperator {
  if (text === 'In' || text === 'NotIn' || text === 'Exists' || text === 'DoesNotExist') return text;
  throw new KeelsonError('BadRequest', `"${text}" is not a valid label selector operator`);
}

export interface FieldTerm {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Reads `metadata.name=x,status.phase!=Running`; `\,`, `\=` and `\\` stand for themselves. Throws `BadRequest`. */
export function parseFieldSelector(text: string): readonly FieldTerm[] {
  return splitUnescaped(text)
    .filter((term) => term !== '')
    .map(parseFieldTerm);
}

function parseFieldTerm(term: string): FieldTerm {
  const found = /^((?:[^\\=!]|\\.)*?)(!=|==|=)(.*)$/s.exec(term);
  if (!found) throw new KeelsonError('BadRequest', `invalid selector: '${term}'; can't understand '${term}'`);
  const [, field = '', operator, value = ''] = found;
  return { field, operator: operator === '!=' ? '!=' : '=', value: value.replaceAll(/\\([\\,=])/g, '$1') };
}

function splitUnescaped(text: string): string[] {
  return text.match(/(?:[^\\,]|\\.)+/gs) ?? [];
}

/** True if all terms hold of `fields`; a field that is not there counts as empty. */
export function matchesFields(terms: readonly FieldTerm[], fields: Readonly<Record<string, string>>): boolean {
  return terms.every(({ field, operator, value }) => ((fields[field] ?? '') === value) === (operator === '='));
}

/** Node affinity's operators: those of labels, and `Gt` and `Lt`, which compare whole numbers. */
export function matchesNodeRequirement(
  requirement: { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined },
  labels: Labels,
): boolean {
  const { key, operator, values = [] } = requirement;
  if (operator !== 'Gt' && operator !== 'Lt') return matchesRequirement({ key, operator: asOperator(operator), values }, labels);
  const [have, want] = [labels?.[key], values[0]].map((text) =>
    text !== undefined && /^-?\d+$/.test(text) ? Number(text) : Number.NaN,
  );
  if (have === undefined || want === undefined) return false;
  return operator === 'Gt' ? have > want : have < want;
}
