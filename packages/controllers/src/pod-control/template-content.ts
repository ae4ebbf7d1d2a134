import type { PodTemplateSpec } from '@keelson/api/core/v1';

/** Maps of any keys: an empty one says as much as none. (An empty `emptyDir` or `securityContext` does say something.) */
const MAPS = new Set(['labels', 'annotations', 'nodeSelector', 'matchLabels', 'limits', 'requests', 'overhead']);

/** A template without what says nothing: `null`, empty lists, empty maps. So it stays the same when a newer version of the API knows more fields. */
export function plainTemplate(template: PodTemplateSpec | undefined): unknown {
  return plain(template);
}

/** The content of a template as a text: equal for templates that say the same, in whatever order. */
export function templateContent(template: PodTemplateSpec | undefined): string {
  return canonical(plain(template ?? {}));
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, item]) => !isNothing(key, item));
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}

function isNothing(key: string, value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return MAPS.has(key) && typeof value === 'object' && Object.keys(value).length === 0;
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
}
