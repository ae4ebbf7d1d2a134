import { definitionOf, type FieldFact, type ItemsFact } from '@keelson/api';

/** How one value of the schema is read. */
export type ValuePlan =
  | { readonly type: 'string'; readonly bytes: boolean }
  | { readonly type: 'integer'; readonly go: 'int32' | 'int64' }
  | { readonly type: 'number' | 'boolean' | 'any' | 'time' | 'microTime' | 'quantity' | 'intOrString' | 'schemaOr' }
  | { readonly type: 'object'; readonly name: string; readonly plan: ObjectPlan }
  | { readonly type: 'array' | 'map'; readonly items: ValuePlan };

export interface FieldPlan {
  readonly value: ValuePlan;
  /** An empty list or map, and a zero value, is the same as none. */
  readonly dropsEmpty: boolean;
}

export interface ObjectPlan {
  /** Go's name of the struct. */
  readonly struct: string;
  readonly fields: ReadonlyMap<string, FieldPlan>;
}

/** An empty list of these is kept: who writes one wants to get rid of all of them. */
const MANAGED_FIELDS = '#meta.v1.ManagedFieldsEntry';

const plans = new Map<string, ObjectPlan>();

/** The plan of a definition that has fields; made once. */
export function planOf(name: string): ObjectPlan {
  const known = plans.get(name);
  if (known) return known;
  const fields = new Map<string, FieldPlan>();
  const made: ObjectPlan = { struct: name.slice(name.lastIndexOf('.') + 1), fields };
  plans.set(name, made);
  for (const [field, fact] of Object.entries(definitionOf(name)?.fields ?? {})) fields.set(field, fieldPlan(fact));
  return made;
}

function fieldPlan(fact: FieldFact): FieldPlan {
  const value = valuePlan(fact);
  const kept = fact.ptr === 1 || fact.always === 1 || fact.omitzero === 1 || fact.items === MANAGED_FIELDS;
  return { value, dropsEmpty: !kept && value.type !== 'object' && value.type !== 'any' };
}

function valuePlan(fact: FieldFact): ValuePlan {
  switch (fact.type) {
    case 'string':
      return stringPlan(fact.format);
    case 'integer':
      return { type: 'integer', go: fact.format === 'int32' ? 'int32' : 'int64' };
    case 'number':
      return { type: 'number' };
    case 'boolean':
      return { type: 'boolean' };
    case 'array':
      return { type: 'array', items: itemsPlan(fact.items) };
    case 'map':
      return { type: 'map', items: itemsPlan(fact.items) };
    case 'ref':
      return referencePlan(fact.ref ?? '');
    case 'object':
      return fact.items === undefined ? { type: 'any' } : { type: 'map', items: itemsPlan(fact.items) };
    case 'any':
      return { type: 'any' };
  }
}

function itemsPlan(items: ItemsFact | undefined): ValuePlan {
  if (items === undefined) return { type: 'any' };
  if (typeof items !== 'string') return { type: 'array', items: itemsPlan(items.array) };
  if (items.startsWith('#')) return referencePlan(items.slice(1));
  const [type = '', format] = items.split(':');
  if (type === 'string') return stringPlan(format);
  if (type === 'integer') return { type: 'integer', go: format === 'int32' ? 'int32' : 'int64' };
  return type === 'number' || type === 'boolean' ? { type } : { type: 'any' };
}

function stringPlan(format: string | undefined): ValuePlan {
  if (format === 'date-time') return { type: 'time' };
  return { type: 'string', bytes: format === 'byte' };
}

function referencePlan(name: string): ValuePlan {
  switch (name) {
    case 'meta.v1.Time':
      return { type: 'time' };
    case 'meta.v1.MicroTime':
      return { type: 'microTime' };
    case 'pkg.api.resource.Quantity':
      return { type: 'quantity' };
    case 'pkg.util.intstr.IntOrString':
      return { type: 'intOrString' };
    case 'apiextensions.v1.JSONSchemaPropsOrArray':
    case 'apiextensions.v1.JSONSchemaPropsOrBool':
    case 'apiextensions.v1.JSONSchemaPropsOrStringArray':
      return { type: 'schemaOr' };
    default:
      return definitionOf(name)?.fields ? new ObjectValue(name) : leafPlan(name);
  }
}

/** Plans may hold themselves, and few of them are ever needed: each is made when a value comes that goes by it. */
class ObjectValue {
  readonly type = 'object';
  readonly name: string;
  #plan: ObjectPlan | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get plan(): ObjectPlan {
    return (this.#plan ??= planOf(this.name));
  }
}

function leafPlan(name: string): ValuePlan {
  const definition = definitionOf(name);
  return definition?.type === 'string' ? { type: 'string', bytes: false } : { type: 'any' };
}
