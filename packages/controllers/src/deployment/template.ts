import { deepEqual, safeHash } from '@keelson/api';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import { plainTemplate, templateContent } from '../pod-control/template-content.ts';

/** The label that tells the pods of the ReplicaSets of one Deployment apart. */
export const HASH_LABEL = 'pod-template-hash';

/** True if pods of both are the same, whatever their ReplicaSets are called. */
export function isSameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return deepEqual(plainTemplate(withoutHash(a)), plainTemplate(withoutHash(b)));
}

/**
 * A short name for a template. Fields without a value and the order of keys do not count, so that the hash stays what it is when a newer version
 * of the API knows more fields. `collisionCount` gives another hash when a different template has this one.
 */
export function templateHash(template: PodTemplateSpec, collisionCount: number | undefined): string {
  const suffix = collisionCount === undefined ? '' : `#${collisionCount}`;
  return safeHash(templateContent(withoutHash(template)) + suffix);
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
