import { isSchema, type StructuralSchema } from './structural-schema.ts';

/** A schema, and all that are in it, each once. */
export function* schemasIn(schema: StructuralSchema): Generator<StructuralSchema> {
  yield schema;
  for (const child of childrenOf(schema)) yield* schemasIn(child);
}

function* childrenOf(schema: StructuralSchema): Generator<StructuralSchema> {
  const { items, additionalProperties, properties, allOf = [], anyOf = [], oneOf = [], not } = schema;
  if (isSchema(items)) yield items;
  if (isSchema(additionalProperties)) yield additionalProperties;
  yield* Object.values(properties ?? {});
  yield* allOf;
  yield* anyOf;
  yield* oneOf;
  if (not) yield not;
}

/** Says of schemas whether any in them is as wanted; looks into each once. */
export function anywhere(isWanted: (schema: StructuralSchema) => boolean): (schema: StructuralSchema) => boolean {
  const known = new WeakMap<StructuralSchema, boolean>();
  return (schema) => {
    const before = known.get(schema);
    if (before !== undefined) return before;
    const found = schemasIn(schema).some(isWanted);
    known.set(schema, found);
    return found;
  };
}
