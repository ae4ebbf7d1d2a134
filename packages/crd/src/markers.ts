import type { ValidationRule } from '@keelson/api/apiextensions/v1';
import { z } from 'zod';

/** A list without duplicates, each item of which may have an owner of its own. Of scalars. */
export function setOf<T extends z.ZodType>(item: T): z.ZodArray<T> {
  return z.array(item).meta({ 'x-kubernetes-list-type': 'set' });
}

/** A list whose items are told apart by some of their fields, and may have owners of their own. */
export function mapOf<T extends z.ZodObject>(item: T, ...keys: readonly (keyof z.infer<T> & string)[]): z.ZodArray<T> {
  return z.array(item).meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': keys });
}

/** A value that belongs to one owner as a whole. */
export function atomic<T extends z.ZodType>(schema: T): T {
  const word = schema instanceof z.ZodArray ? 'x-kubernetes-list-type' : 'x-kubernetes-map-type';
  return schema.meta({ ...schema.meta(), [word]: 'atomic' });
}

/** A number or a text, such as `8080` or `25%`. */
export function intOrString(): z.ZodType<number | string, number | string> {
  return z.union([z.int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true });
}

/** An amount as Kubernetes writes it: `100m`, `1.5Gi`. */
export function quantity(): z.ZodType<number | string, number | string> {
  return intOrString().meta({
    ...intOrString().meta(),
    pattern:
      '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  });
}

/** Any JSON object, kept as it is. */
export function anything(): z.ZodType<Record<string, unknown>, Record<string, unknown>> {
  return z.looseObject({}).meta({ 'x-kubernetes-preserve-unknown-fields': true });
}

/** What every condition has; a map by type, as server-side apply wants it. */
export function conditions() {
  const condition = z.object({
    type: z.string().min(1).max(316),
    status: z.enum(['True', 'False', 'Unknown']),
    reason: z.string().min(1).max(1024),
    message: z.string().max(32_768),
    lastTransitionTime: z.iso.datetime(),
    observedGeneration: z.int().min(0).optional(),
  });
  return mapOf(condition, 'type');
}

/** The schema with CEL rules (`self`, `oldSelf`) that must hold of each value. */
export function rules<T extends z.ZodType>(schema: T, ...validations: readonly (ValidationRule | string)[]): T {
  const known = (schema.meta() ?? {}) as { readonly 'x-kubernetes-validations'?: readonly ValidationRule[] };
  const added = validations.map((rule) => (typeof rule === 'string' ? { rule } : rule));
  return schema.meta({ ...known, 'x-kubernetes-validations': [...(known['x-kubernetes-validations'] ?? []), ...added] });
}
