/** A CustomResourceDefinition as a benchmark makes it. */
export interface BenchDefinition {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly group: string };
}

const TEXT = 'What this part of the object is for, in about as many words as people write, and what holds if it is not there.';

/** The definition number `at`, in a group of its own, with so many fields of all types. */
export function definition(at: number, fields: number): BenchDefinition {
  const group = `bench-${at < 0 ? `warm${-at}` : at}.example.com`;
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', shortNames: [`t${at < 0 ? `w${-at}` : at}`] };
  const openAPIV3Schema = {
    type: 'object',
    properties: { spec: parts(fields), status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
  };
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, subresources: { status: {} } };
  const made = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `things.${group}` },
    spec: { group, scope: 'Namespaced', names, versions: [version] },
  };
  return made;
}

/** Objects of ten fields each. */
function parts(fields: number): object {
  const properties: Record<string, object> = {};
  for (let part = 0; part * 10 < fields; part += 1) {
    const inner: Record<string, object> = {};
    for (let at = 0; at < 10; at += 1) inner[`field${at}`] = { ...TYPES[at % TYPES.length], description: TEXT };
    properties[`part${part}`] = { type: 'object', description: TEXT, properties: inner };
  }
  return { type: 'object', properties };
}

const TYPES: readonly object[] = [
  { type: 'string', maxLength: 63, pattern: '^[a-z0-9-]+$' },
  { type: 'integer', format: 'int32', minimum: 0, default: 1 },
  { type: 'boolean' },
  { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' },
  { type: 'object', additionalProperties: { type: 'string' } },
];
