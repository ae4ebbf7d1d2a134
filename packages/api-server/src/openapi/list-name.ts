import type { ResourceDefinition } from '../registry/resource-definition.ts';

/** Name of the definition of a kind's list. */
export function listNameOf({ schema, kind, listKind }: ResourceDefinition): string {
  return schema.name.slice(0, schema.name.length - kind.length) + listKind;
}
