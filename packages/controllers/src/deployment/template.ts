import { deepEqual, safeHash } from '@keelson/api';
import type { PodTemplateSpec } from '@keelson/api/core/v1';

/** The label that tells the pods of the ReplicaSets of one Deployment apart. */
export const HASH_LABEL = 'pod-template-hash';

/** Maps of any keys: an empty one says as much as none. (An empty `emptyDir` or `securityContext` does say something.) */
const MAPS = new Set(['labels', 'annotations', 'nodeSelector', 'matchLabels', 'limits', 'requests', 'overhead']);

/** True if pods of both are the same, whatever their ReplicaSets are called. */
export function isSameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return deepEqual(plain(withoutHash(a)), plain(withoutHash(b)));
}

/**
 * A short name for a template. Fields without a value and the order of keys do not count, so that the hash stays what it is when a newer version
 * of the API knows more fields. `collisionCount` gives another hash when a different template has this one.
 */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const suffix = collisionCount === undefined ? '' : `#${collisionCount}`;
  return safeHash(canonical(plain(withoutHash(template))) + suffix);
}

export function withHash(template: PodTemplateSpec, hash: string): PodTemplateSpec {
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return { ...template, metadata: { ...template.metadata, labels } };
}

function withoutHash(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  const labels = template?.metadata?.labels;
  if (!labels || !(HASH_LABEL in labels)) return template;
  const { [HASH_LABEL]: _, ...others } = labels;
  return { ...template, metadata: { ...template.metadata, labels: others } };
}

/** Without what says nothing: `null`, empty lists, empty maps. */
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
