import {
  compile,
  declareSchema,
  environment,
  optionalOf,
  type Compiled,
  type DeclaredType,
  type Environment,
  type Schema,
} from '@keelson/cel';
import type { ValidationRule } from '@keelson/api/apiextensions/v1';
import { isEmbedded, isSchema, itemsOf, type StructuralSchema } from '../structural/structural-schema.ts';

/** One rule, compiled: what can run, and what is wrong with it. */
export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Absent if it does not compile. */
  readonly condition?: Compiled;
  readonly message?: Compiled;
  readonly ruleError?: string;
  readonly messageError?: string;
  /** It compares with what was before. */
  readonly usesOldSelf: boolean;
}

/** The rules of a schema and of all that is in it; parts without any rule are left out. */
export interface RuleTree {
  readonly schema: StructuralSchema;
  readonly declared: DeclaredType | undefined;
  readonly rules: readonly CompiledRule[];
  readonly items?: RuleTree;
  readonly values?: RuleTree;
  readonly properties?: ReadonlyMap<string, RuleTree>;
  readonly allOf?: readonly RuleTree[];
}

/** Compiles all rules of a schema. `undefined` if there is none. */
export function compileTree(schema: StructuralSchema): RuleTree | undefined {
  return treeOf(schema, schema, true);
}

/** `validation` is where the rules stand: the schema itself, or a part of its `allOf`, which says nothing about types. */
function treeOf(validation: StructuralSchema, schema: StructuralSchema, isRoot: boolean): RuleTree | undefined {
  const rules = validation['x-kubernetes-validations'] ?? [];
  const items = below(itemsOf(validation), itemsOf(schema));
  const values = below(mapValues(validation), mapValues(schema));
  const properties = Object.entries(validation.properties ?? {}).flatMap(([name, field]) => {
    const tree = below(field, schema.properties?.[name]);
    return tree ? [[name, tree] as const] : [];
  });
  const allOf = (validation.allOf ?? []).flatMap((part) => treeOf(part, schema, isRoot) ?? []);
  if (rules.length === 0 && !items && !values && properties.length === 0 && allOf.length === 0) return undefined;
  const declared = rules.length === 0 ? undefined : declareSchema(asSchema(schema), 'object', isRoot);
  return {
    schema,
    declared,
    rules: rules.map((rule) => compileRule(rule, declared, schema)),
    ...(items && { items }),
    ...(values && { values }),
    ...(properties.length > 0 && { properties: new Map(properties) }),
    ...(allOf.length > 0 && { allOf }),
  };
}

function below(validation: StructuralSchema | undefined, schema: StructuralSchema | undefined): RuleTree | undefined {
  return validation && schema && treeOf(validation, schema, isEmbedded(schema));
}

function mapValues({ additionalProperties }: StructuralSchema): StructuralSchema | undefined {
  return isSchema(additionalProperties) ? additionalProperties : undefined;
}

/** The JSON of a definition's schema is what `declareSchema` reads; a structural one has single schemas for items. */
function asSchema(schema: StructuralSchema): Schema {
  return schema as Schema;
}

/** Compiles a rule and its message. */
export function compileRule(rule: ValidationRule, declared: DeclaredType | undefined, schema: StructuralSchema): CompiledRule {
  if (!declared) {
    const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
    const ruleError = `rule declared on schema that does not support validation rules type: '${schema.type ?? ''}' x-kubernetes-preserve-unknown-fields: '${keeps}'`;
    return { rule, ruleError, usesOldSelf: false };
  }
  const world = worldOf(declared, rule.optionalOldSelf === true);
  const condition = compile(rule.rule, world);
  const message = rule.messageExpression ? compileMessage(rule.messageExpression, world) : {};
  if ('errors' in condition)
    return { rule, ...message, ruleError: `compilation failed: ${condition.errors}`, usesOldSelf: false };
  const usesOldSelf = condition.variables.has('oldSelf');
  const isBool = condition.resultType.kind === 'bool' || condition.resultType.kind === 'dyn';
  if (!isBool) return { rule, ...message, ruleError: 'cel expression must evaluate to a bool', usesOldSelf };
  return { rule, ...message, condition, usesOldSelf };
}

function worldOf(declared: DeclaredType, oldIsOptional: boolean): Environment {
  const oldSelf = oldIsOptional ? { ...declared, type: optionalOf(declared.type) } : declared;
  return environment({ self: declared, oldSelf });
}

function compileMessage(text: string, world: Environment): Pick<CompiledRule, 'message' | 'messageError'> {
  const message = compile(text, world);
  if ('errors' in message) return { messageError: `messageExpression compilation failed: ${message.errors}` };
  if (message.resultType.kind !== 'string') return { messageError: 'messageExpression must evaluate to a string' };
  return { message };
}
