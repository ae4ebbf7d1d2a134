import type { CelValue } from './value.ts';

const SURROGATE = /[\uD800-\uDFFF]/;

/** Characters, as CEL counts them. */
export function stringSize(text: string): number {
  return SURROGATE.test(text) ? Array.from(text).length : text.length;
}

/** What a value counts as in costs: characters, bytes, items or entries; 1 for everything else. */
export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') return stringSize(value);
  if (value === null || typeof value !== 'object') return 1;
  if (value instanceof Uint8Array) return value.length;
  if (value.kind === 'list' || value.kind === 'map') return value.size;
  if (value.kind === 'optional') return value.value === undefined ? 1 : sizeOf(value.value);
  return value.kind === 'opaque' ? (value.size ?? 1) : 1;
}
