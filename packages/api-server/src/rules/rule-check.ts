import type { CompiledRule, RuleTree } from './compiled-rules.ts';
import { Field } from '../validation/field.ts';
import type { FieldError } from '../validation/field-error.ts';
import type { StructuralSchema } from '../structural/structural-schema.ts';

/** The most that one expression may be estimated to cost, at all places where it can run in one object. */
const EXPRESSION_LIMIT = 10_000_000;
/** The most for all expressions of a schema. */
const SCHEMA_LIMIT = 100_000_000;
const MAX_REQUEST_BYTES = 3 * 1024 * 1024;
/** How many of the most expensive expressions are named if all together are too many. */
const NAMED = 4;

interface Context {
  readonly at: Field;
  /** How often the place can be in one object; `undefined`: as often as fits into a request. */
  readonly cardinality: number | undefined;
  /** The list around, whose items have nothing to be compared with. */
  readonly uncorrelatable: string | undefined;
}

interface Estimate {
  readonly at: Field;
  readonly cost: number;
}

/** What is wrong with the rules of a schema: they do not compile, or could cost too much. `known` are texts that were accepted before. */
export function checkTree(tree: RuleTree, path: string, known: ReadonlySet<string>): readonly FieldError[] {
  const errors: FieldError[] = [];
  const root = Field.root(errors, path);
  const check = new RuleCheck(known);
  check.tree(tree, { at: root, cardinality: 1, uncorrelatable: undefined });
  const total = check.estimates.reduce((sum, { cost }) => sum + cost, 0);
  if (total > SCHEMA_LIMIT) {
    const expensive = check.estimates.toSorted((one, other) => other.cost - one.cost).slice(0, NAMED);
    for (const { at } of expensive)
      at.forbidden('contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema');
    root.forbidden(
      tooExpensive('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', total, SCHEMA_LIMIT),
    );
  }
  return errors;
}

class RuleCheck {
  readonly estimates: Estimate[] = [];
  readonly #known: ReadonlySet<string>;

  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  tree(tree: RuleTree, context: Context): void {
    const { at, cardinality } = context;
    const list = at.child('x-kubernetes-validations');
    for (const [index, compiled] of tree.rules.entries()) this.#rule(compiled, tree, { ...context, at: list.index(index) });
    for (const [name, field] of tree.properties ?? []) this.tree(field, { ...context, at: at.child('properties').key(name) });
    if (tree.items) {
      const isCorrelatable = tree.schema['x-kubernetes-list-type'] === 'map';
      const uncorrelatable = context.uncorrelatable ?? (isCorrelatable ? undefined : at.toString());
      this.tree(tree.items, { at: at.child('items'), cardinality: times(cardinality, tree.schema.maxItems), uncorrelatable });
    }
    if (tree.values) {
      this.tree(tree.values, {
        ...context,
        at: at.child('additionalProperties'),
        cardinality: times(cardinality, tree.schema.maxProperties),
      });
    }
    for (const [index, part] of (tree.allOf ?? []).entries()) this.tree(part, { ...context, at: at.child('allOf').index(index) });
  }

  #rule(compiled: CompiledRule, tree: RuleTree, { at, cardinality, uncorrelatable }: Context): void {
    const { rule, usesOldSelf } = compiled;
    const count = cardinality ?? Math.floor(MAX_REQUEST_BYTES / ((tree.declared?.minSizeBytes ?? 0) + 1));
    this.#expression(compiled.condition, 'estimated rule cost', { at: at.child('rule'), count, text: rule.rule });
    if (!this.#known.has(rule.rule) && compiled.ruleError !== undefined) at.child('rule').invalid(rule, compiled.ruleError);
    const message = rule.messageExpression ?? '';
    this.#expression(compiled.message, 'estimated messageExpression cost', {
      at: at.child('messageExpression'),
      count,
      text: message,
    });
    if (!this.#known.has(message) && compiled.messageError !== undefined)
      at.child('messageExpression').invalid(rule, compiled.messageError);
    if (rule.optionalOldSelf !== undefined && !usesOldSelf && compiled.condition) {
      at.child('optionalOldSelf').invalid(rule.optionalOldSelf, 'may not be set if oldSelf is not used in rule');
    }
    if (usesOldSelf && uncorrelatable !== undefined) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelatable}`;
      at.child('rule').invalid(rule.rule, why);
    }
  }

  #expression(
    compiled: CompiledRule['condition'],
    what: string,
    { at, count, text }: { readonly at: Field; readonly count: number; readonly text: string },
  ): void {
    if (!compiled || this.#known.has(text)) return;
    const cost = compiled.estimateCost().max * count;
    if (cost > EXPRESSION_LIMIT) at.forbidden(tooExpensive(what, cost, EXPRESSION_LIMIT));
    this.estimates.push({ at, cost });
  }
}

function times(cardinality: number | undefined, limit: number | undefined): number | undefined {
  return cardinality === undefined || limit === undefined ? undefined : cardinality * limit;
}

function tooExpensive(what: string, cost: number, limit: number): string {
  const factor = cost / limit;
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  const advice =
    'try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared';
  return `${what} exceeds budget by factor of ${shown} (${advice})`;
}

/** All expressions of a schema. */
export function expressionsIn(schema: StructuralSchema | undefined, found = new Set<string>()): ReadonlySet<string> {
  if (!schema) return found;
  for (const { rule, messageExpression } of schema['x-kubernetes-validations'] ?? []) {
    found.add(rule);
    if (messageExpression) found.add(messageExpression);
  }
  const inner: unknown[] = [
    schema.items,
    schema.additionalProperties,
    ...Object.values(schema.properties ?? {}),
    ...(schema.allOf ?? []),
  ];
  for (const each of inner) if (typeof each === 'object' && each !== null) expressionsIn(each, found);
  return found;
}
