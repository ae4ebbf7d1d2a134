import type { ValueSchema } from '@keelson/api/structured-merge';

/**
 * Throws if a configuration that a policy makes says anything of a list, map or struct that is owned as a whole: merging could only
 * replace it, so that what others have put there would be lost.
 */
export function checkNotAtomic(schema: ValueSchema, configuration: unknown, path = ''): void {
  if (typeof configuration !== 'object' || configuration === null) return;
  if (schema.type === 'untyped' || schema.type === 'scalar') return;
  const isAtomic = schema.type === 'map' ? schema.atomic === true : schema.listType === 'atomic';
  if (isAtomic) throw new Error(`may not mutate atomic arrays, maps or structs: ${path === '' ? '.' : path}`);
  if (schema.type === 'list') {
    if (!Array.isArray(configuration)) return;
    for (const [index, item] of configuration.entries()) checkNotAtomic(schema.items, item, `${path}[${index}]`);
    return;
  }
  for (const [name, value] of Object.entries(configuration)) {
    const field = schema.fields.get(name) ?? schema.values;
    if (field) checkNotAtomic(field, value, `${path}.${name}`);
  }
}
