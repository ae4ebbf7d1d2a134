import { isSchema, type StructuralSchema } from '../../structural/structural-schema.ts';

/** Where a path leads to. */
export interface FoundField {
  readonly schema: StructuralSchema;
  readonly names: readonly string[];
}

const TOKEN = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]']+/g;
const NOWHERE = 'does not refer to a valid field';

/** The field that a path such as `.spec.color` or `.spec['a.b']` names in a schema; or why there is none. */
export function fieldAt(root: StructuralSchema, path: string, allowsBrackets = true): FoundField | string {
  const tokens = path.match(TOKEN) ?? [];
  const names: string[] = [];
  let schema: StructuralSchema | undefined = root;
  for (let at = 0; at < tokens.length;) {
    const step = stepAt(tokens, at, allowsBrackets);
    if (typeof step === 'string') return step;
    schema = childOf(schema, step.name);
    if (!schema) return NOWHERE;
    names.push(step.name);
    at = step.next;
  }
  return { schema, names };
}

function stepAt(tokens: readonly string[], at: number, allowsBrackets: boolean): { name: string; next: number } | string {
  const [first = '', second, third] = tokens.slice(at, at + 3);
  if (first === '.') return second === undefined ? 'unexpected end of JSON path' : { name: second, next: at + 2 };
  if (first !== '[') return `expected [ or . but got: ${first}`;
  if (!allowsBrackets) return 'array notation is not allowed';
  if (second === undefined) return 'unexpected end of JSON path';
  if (!/^'.*'$/s.test(second)) return `expected single quoted string but got ${second}`;
  if (third === undefined) return 'unexpected end of JSON path';
  if (third !== ']') return `expected ] but got ${third}`;
  return { name: second.slice(1, -1).replaceAll(/\\(.)/g, '$1'), next: at + 3 };
}

function childOf({ properties, additionalProperties }: StructuralSchema, name: string): StructuralSchema | undefined {
  if (properties) return Object.hasOwn(properties, name) ? properties[name] : undefined;
  return isSchema(additionalProperties) ? additionalProperties : undefined;
}
