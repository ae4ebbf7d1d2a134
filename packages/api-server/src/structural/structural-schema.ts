import type { JSONSchemaProps } from '@keelson/api/apiextensions/v1';

/**
 * The schema of a custom kind, or of a value in it: the JSON of the definition as it is. Nothing is compiled out of it beforehand, so that
 * kinds that nobody uses cost nothing.
 */
export type StructuralSchema = Readonly<JSONSchemaProps>;

/** Fields that every object has, whatever its schema says. */
export const META_FIELDS: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

/** Of values that may be anything as long as they are scalar: what is below `additionalProperties: true`. */
export const NOTHING_KNOWN: StructuralSchema = Object.freeze({});

/** The schema of a field by its name, if it has one of its own. */
export function propertyOf(schema: StructuralSchema, name: string): StructuralSchema | undefined {
  const { properties } = schema;
  return properties !== undefined && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The schema of the values of a map; `undefined` if the schema is of no map. */
export function valuesOf({ additionalProperties }: StructuralSchema): StructuralSchema | undefined {
  if (additionalProperties === undefined) return undefined;
  return isSchema(additionalProperties) ? additionalProperties : NOTHING_KNOWN;
}

/** The schema of a field, by its name or as the value of a map; `undefined` if the schema does not know the field. */
export function fieldOf(schema: StructuralSchema, name: string): StructuralSchema | undefined {
  return propertyOf(schema, name) ?? valuesOf(schema);
}

/** The schema of the items of a list. */
export function itemsOf({ items }: StructuralSchema): StructuralSchema | undefined {
  return isSchema(items) ? items : undefined;
}

export function isSchema(value: unknown): value is StructuralSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function keepsUnknown(schema: StructuralSchema): boolean {
  return schema['x-kubernetes-preserve-unknown-fields'] === true;
}

export function isEmbedded(schema: StructuralSchema): boolean {
  return schema['x-kubernetes-embedded-resource'] === true;
}

/** True for a JSON object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Sets a field also if it is called `__proto__`. */
export function setField(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
  else target[key] = value;
}
