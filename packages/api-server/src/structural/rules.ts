import type { FieldError } from '../validation/field-error.ts';
import type { Before } from './correlation.ts';
import type { StructuralSchema } from './structural-schema.ts';

/** What a custom object may cost to judge, over all rules of its schema. In the units of Kubernetes' cost model for CEL. */
export const RULE_COST_BUDGET = 10_000_000;

/** Judges values by rules that a schema cannot say by its own words: `x-kubernetes-validations`. */
export interface SchemaRules {
  /** Loads what the other members need for the schema, or for any; they are called when it is done. */
  load?(schema?: StructuralSchema): Promise<void>;
  /**
   * The judge of a whole object of this schema; `undefined` if no rule is anywhere in it. Called when the first object is judged, and again
   * only when the definition has changed: it may compile all that it needs. Rules that do not compile are reported by the judge with each
   * object. The schema is that of the request's version; it must not be changed, and may be kept.
   */
  compile(schema: StructuralSchema): RuleJudge | undefined;
  /**
   * What is wrong with the rules of a schema itself, for whoever writes a definition: syntax, types, estimated cost. Called when the
   * schema is known to be structural and free of other errors. `old` is the schema that this one replaces: expressions that stand there
   * too were accepted once. Fields of the errors begin with `path`, which is `spec.versions[0].schema.openAPIV3Schema`.
   */
  check(schema: StructuralSchema, path: string, old: StructuralSchema | undefined): readonly FieldError[];
}

/** The compiled rules of one schema. */
export interface RuleJudge {
  /**
   * What the rules say of `value`, an object with its defaults and without unknown fields, that is valid in types, lengths and required
   * fields. Integers beyond 2^53 are `bigint`s. Nothing may be changed.
   *
   * With `before`, this is a change: transition rules compare with it, and what has not changed is not judged again (ratcheting): see
   * `beforeOfField` and `beforeOfItem` for what belongs together. Without it, transition rules do not run.
   *
   * Errors are in the words and with the reasons of upstream, their fields relative to the object (`spec.replicas`). Judging ends when
   * `costBudget` is used up, with an error that says so.
   */
  judge(value: unknown, options: { readonly before: Before | undefined; readonly costBudget: number }): readonly FieldError[];
}

/** Without a judge of rules, they are accepted and say nothing. */
export const NO_RULES: SchemaRules = {
  compile: () => undefined,
  check: () => [],
};
