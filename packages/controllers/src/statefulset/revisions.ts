import { nameOf } from '@keelson/api';
import type { ControllerRevision, StatefulSet } from '@keelson/api/apps/v1';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import { templateIn } from '../history/revision-content.ts';

/** What pods of a set may be of. */
export interface Revisions {
  /** That all pods were of when the last update was complete. */
  readonly current: ControllerRevision;
  /** Of the template as it is. */
  readonly update: ControllerRevision;
  readonly collisionCount: number;
}

/**
 * What a new pod is of: below the partition it is still the current revision, so that a pod that is lost during a staged update comes
 * back as it was.
 */
export function revisionFor(
  set: StatefulSet,
  ordinal: number,
  { current, update }: Revisions,
): { readonly revision: string; readonly template: PodTemplateSpec } {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  const start = set.spec?.ordinals?.start ?? 0;
  const isOld = type === 'RollingUpdate' && ordinal < start + (rollingUpdate?.partition ?? 0);
  const template = isOld ? templateIn(current) : set.spec?.template;
  return { revision: nameOf(isOld ? current : update), template: template ?? {} };
}
