// Writes packages/api/src/generated from packages/api/data: TypeScript types and kinds, one module a group and version.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Items = string | { array: Items };
interface Field {
  type: string;
  format?: string;
  ref?: string;
  items?: Items;
  required?: 1;
  enum?: string[];
}
interface Definition {
  gvk?: string[];
  type?: string;
  format?: string;
  fields?: Record<string, Field>;
}
interface Resource {
  group: string;
  version: string;
  kind: string;
  def: string;
  plural: string;
  namespaced: boolean;
}
interface Facts {
  definitions: Record<string, Definition>;
  extraDefinitions: Record<string, Definition>;
  resources: Resource[];
}

const root = join(import.meta.dirname, '../..');
const outDir = join(root, 'packages/api/src/generated');
const source = readFileSync(join(root, 'packages/api/data/api-1.36.json'), 'utf8');
const facts = JSON.parse(source) as Facts;
const definitions = { ...facts.extraDefinitions, ...facts.definitions };

const SCALARS: Record<string, string> = {
  string: 'string',
  integer: 'number',
  number: 'number',
  boolean: 'boolean',
  any: 'unknown',
  object: 'Record<string, unknown>',
};
/** Definitions that are scalars on the wire, or that hold any JSON. */
const SPECIAL: Record<string, string> = { 'int-or-string': 'number | string' };

/** `core.v1.Pod` -> module `core/v1` and name `Pod`; what has no version goes to the module `machinery`. */
function place(definition: string): { module: string; name: string } {
  const parts = definition.split('.');
  const at = parts.findIndex((part) => /^v\d+((alpha|beta)\d+)?$/.test(part));
  if (at < 0 || parts[0] === 'pkg') return { module: 'machinery', name: parts.at(-1) ?? definition };
  return { module: `${parts.slice(0, at).join('.')}/${parts[at]}`, name: parts.slice(at + 1).join('') };
}

interface Module {
  imports: Map<string, Set<string>>;
  body: string[];
  names: Set<string>;
}
const modules = new Map<string, Module>();

function moduleOf(path: string): Module {
  const found = modules.get(path) ?? { imports: new Map(), body: [], names: new Set() };
  modules.set(path, found);
  return found;
}

function reference(from: string, definition: string): string {
  if (!definitions[definition]) return 'unknown';
  const { module, name } = place(definition);
  if (module === from) return name;
  const imports = moduleOf(from).imports;
  const local = moduleOf(from).names.has(name) ? `${name}_` : name;
  imports.set(module, (imports.get(module) ?? new Set()).add(local === name ? name : `${name} as ${local}`));
  return local;
}

function itemsType(from: string, items: Items | undefined): string {
  if (items === undefined) return 'unknown';
  if (typeof items !== 'string') return `${itemsType(from, items.array)}[]`;
  if (items.startsWith('#')) return reference(from, items.slice(1));
  return SCALARS[items.split(':')[0] ?? ''] ?? 'unknown';
}

function fieldType(from: string, field: Field): string {
  if (field.enum) {
    const values = `${field.enum.map((value) => `'${value}'`).join(' | ')} | (string & {})`;
    return field.type === 'array' ? `(${values})[]` : values;
  }
  if (field.type === 'ref') return reference(from, field.ref ?? '');
  if (field.type === 'array') return `${itemsType(from, field.items)}[]`;
  if (field.type === 'map') return `Record<string, ${itemsType(from, field.items)}>`;
  return SCALARS[field.type] ?? 'unknown';
}

const servedDefs = new Map(facts.resources.map((resource) => [resource.def, resource]));

function emit(definition: string, { fields, type, format }: Definition): void {
  const { module, name } = place(definition);
  const out = moduleOf(module);
  if (!fields) {
    out.body.push(`export type ${name} = ${SPECIAL[format ?? ''] ?? SCALARS[type ?? 'any'] ?? 'unknown'};`);
    return;
  }
  const lines = Object.entries(fields).map(([key, field]) => {
    const text = fieldType(module, field);
    const literal = key === 'kind' && servedDefs.has(definition) ? `'${servedDefs.get(definition)?.kind}'` : text;
    const quoted = /^[A-Za-z_$][\w$]*$/.test(key) ? key : `'${key}'`;
    return `  ${quoted}${field.required ? '' : '?'}: ${literal}${field.required ? '' : ' | undefined'};`;
  });
  out.body.push(`export interface ${name} {\n${lines.join('\n')}\n}`);
}

function emitKind(resource: Resource): void {
  const { module, name } = place(resource.def);
  if (name !== resource.kind) return;
  const value = `{ group: '${resource.group}', version: '${resource.version}', kind: '${resource.kind}', resource: '${resource.plural}', namespaced: ${resource.namespaced} }`;
  moduleOf(module).body.push(`export const ${name}: Kind<${name}> = ${value};`);
}

for (const definition of Object.keys(definitions)) {
  const { module, name } = place(definition);
  moduleOf(module).names.add(name);
}
for (const [name, definition] of Object.entries(definitions)) emit(name, definition);
for (const resource of facts.resources) emitKind(resource);

rmSync(outDir, { recursive: true, force: true });
for (const [path, { imports, body }] of modules) {
  const file = join(outDir, `${path}.ts`);
  const up = path.includes('/') ? '../' : './';
  const needsKind = body.some((text) => text.includes(': Kind<'));
  const head = [...imports]
    .sort()
    .map(([from, names]) => `import type { ${[...names].sort().join(', ')} } from '${up}${from}.ts';`);
  if (needsKind) head.unshift(`import type { Kind } from '${up}../kind.ts';`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(
    file,
    `// Generated by tools/generate-api from packages/api/data; do not edit.\n${[...head, '', ...body].join('\n')}\n`,
  );
}
const compact = JSON.stringify(JSON.parse(source));
const literal = JSON.stringify(compact).slice(1, -1).replaceAll("'", "\\'").replaceAll('\\"', '"');
writeFileSync(
  join(outDir, 'facts.ts'),
  `// Generated by tools/generate-api from packages/api/data; do not edit.\n/** The tables as JSON text: parsing a string is the fastest way to load them. */\nexport const FACTS_JSON = '${literal}';\n`,
);
process.stdout.write(`${modules.size} modules, ${Object.keys(definitions).length} definitions\n`);
