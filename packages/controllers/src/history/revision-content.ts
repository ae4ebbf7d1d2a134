import { nameOf, namespaceOf, safeHash, type KubernetesObject } from '@keelson/api';
import type { ControllerRevision } from '@keelson/api/apps/v1';
import type { PodTemplateSpec } from '@keelson/api/core/v1';
import { templateContent } from '../pod-control/template-content.ts';

/** With a hash behind it, a name is no longer than it may be. */
const MAX_BASE = 223;

/**
 * A patch that gives an object the template back, as `kubectl rollout undo` applies it. With its keys in order: there are clients that find the
 * revision of an object by its bytes.
 */
function dataOf(template: PodTemplateSpec): Record<string, unknown> {
  return { spec: { template: inOrder({ ...template, $patch: 'replace' }) } };
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}

/** The template that a revision stands for. */
export function templateIn({ data }: ControllerRevision): PodTemplateSpec | undefined {
  const { spec } = (data ?? {}) as { readonly spec?: { readonly template?: PodTemplateSpec & { readonly $patch?: string } } };
  if (!spec?.template) return undefined;
  const { $patch: _, ...template } = spec.template;
  return template;
}

/** True if pods of the revision are as the template says. */
export function standsFor(revision: ControllerRevision, template: PodTemplateSpec): boolean {
  return templateContent(templateIn(revision)) === templateContent(template);
}

/** A revision of `owner`'s template. It has its hash in its name and under the label; `collisionCount` gives another one. */
export function revisionOf(
  owner: KubernetesObject,
  template: PodTemplateSpec,
  { hashLabel, collisionCount, number }: { readonly hashLabel: string; readonly collisionCount: number; readonly number: number },
): ControllerRevision {
  const hash = safeHash(`${templateContent(template)}#${collisionCount}`);
  const { annotations } = owner.metadata ?? {};
  return structuredClone({
    metadata: {
      name: `${nameOf(owner).slice(0, MAX_BASE)}-${hash}`,
      namespace: namespaceOf(owner),
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations && { annotations }),
    },
    data: dataOf(template),
    revision: number,
  });
}

/** The oldest first. */
export function byNumber(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  const [ofA, ofB] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? ''];
  if (ofA !== ofB) return ofA < ofB ? -1 : 1;
  return nameOf(a) < nameOf(b) ? -1 : 1;
}
