import { isSchema, type StructuralSchema } from '../../structural/structural-schema.ts';

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
