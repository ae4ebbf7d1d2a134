import { mayKubeletLabel } from '@keelson/api';
import type { Node } from '@keelson/api/core/v1';
import { sameJson } from '../../validation/equality.ts';
import type { AdmissionRequest } from '../admission.ts';

type Labels = Readonly<Record<string, string>>;

/** Only its own, without what would draw pods to it that are not meant for it. */
export function whyNotNode({ operation, name, object, oldObject }: AdmissionRequest, node: string): string | undefined {
  if (name !== node) return `node "${node}" is not allowed to modify node "${name}"`;
  if (operation === 'CREATE') return whyNotCreate(object as Node, node);
  return operation === 'UPDATE' ? whyNotUpdate(object as Node, oldObject as Node, node) : undefined;
}

function whyNotCreate({ metadata, spec }: Node, node: string): string | undefined {
  if (spec?.configSource) return `node "${node}" is not allowed to create pods with a non-nil configSource`;
  const labels = forbiddenLabels(metadata?.labels ?? {}, {});
  return labels === '' ? undefined : `node "${node}" is not allowed to set the following labels: ${labels}`;
}

function whyNotUpdate({ metadata, spec }: Node, old: Node, node: string): string | undefined {
  if (spec?.configSource && !sameJson(spec.configSource, old.spec?.configSource)) {
    return `node "${node}" is not allowed to update configSource to a new non-nil configSource`;
  }
  if (!sameJson(spec?.taints ?? [], old.spec?.taints ?? [])) return `node "${node}" is not allowed to modify taints`;
  const labels = forbiddenLabels(metadata?.labels ?? {}, old.metadata?.labels ?? {});
  if (labels !== '') return `is not allowed to modify labels: ${labels}`;
  // With an owner that is not there, the garbage collector would delete the node, and its taints with it.
  const isOwned = !sameJson(metadata?.ownerReferences ?? [], old.metadata?.ownerReferences ?? []);
  return isOwned ? `node "${node}" is not allowed to modify ownerReferences` : undefined;
}

function forbiddenLabels(now: Labels, before: Labels): string {
  const keys = new Set([...Object.keys(now), ...Object.keys(before)]);
  const changed = [...keys].filter((key) => now[key] !== before[key]);
  return changed
    .filter((key) => !mayKubeletLabel(key))
    .toSorted()
    .join(', ');
}
