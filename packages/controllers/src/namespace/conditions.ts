import { findCondition, setCondition } from '@keelson/api';
import type { NamespaceCondition } from '@keelson/api/core/v1';

/** What one attempt to empty a namespace found. */
export interface Leftovers {
  /** By the version of a group that could not be asked for its resources. */
  readonly discoveryFailures: ReadonlyMap<string, string>;
  readonly deletionErrors: readonly string[];
  /** How many objects of a resource (`pods.`, `deployments.apps`) are still there. */
  readonly remaining: ReadonlyMap<string, number>;
  /** How many objects have a finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
}

type Finding = Pick<NamespaceCondition, 'status' | 'reason' | 'message'>;

/** In upstream's order: type, reason and message while all is well, and what is wrong otherwise. */
const CONDITIONS: readonly (readonly [
  type: string,
  ok: Omit<Finding, 'status'>,
  wrong: (left: Leftovers) => Finding | undefined,
])[] = [
  [
    'NamespaceDeletionDiscoveryFailure',
    { reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
    ({ discoveryFailures }) => {
      if (discoveryFailures.size === 0) return undefined;
      const failed = [...discoveryFailures].sort().map(([groupVersion, error]) => `${groupVersion}: ${error}`);
      const all = `unable to retrieve the complete list of server APIs: ${failed.join(', ')}`;
      return wrong('DiscoveryFailed', `Discovery failed for some groups, ${failed.length} failing: ${all}`);
    },
  ],
  [
    'NamespaceDeletionGroupVersionParsingFailure',
    { reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
    () => undefined,
  ],
  [
    'NamespaceDeletionContentFailure',
    { reason: 'ContentDeleted', message: 'All content successfully deleted, may be waiting on finalization' },
    ({ deletionErrors }) => {
      if (deletionErrors.length === 0) return undefined;
      const distinct = [...new Set(deletionErrors)];
      const errors = distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`;
      const message = `Failed to delete all resource types, ${deletionErrors.length} remaining: ${errors}`;
      return wrong('ContentDeletionFailed', message);
    },
  ],
  [
    'NamespaceContentRemaining',
    { reason: 'ContentRemoved', message: 'All content successfully removed' },
    ({ remaining }) => {
      if (remaining.size === 0) return undefined;
      const counts = sorted(remaining, (resource, count) => `${resource} has ${count} resource instances`);
      return wrong('SomeResourcesRemain', `Some resources are remaining: ${counts}`);
    },
  ],
  [
    'NamespaceFinalizersRemaining',
    { reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' },
    ({ finalizers }) => {
      if (finalizers.size === 0) return undefined;
      const counts = sorted(finalizers, (finalizer, count) => `${finalizer} in ${count} resource instances`);
      return wrong('SomeFinalizersRemain', `Some content in the namespace has finalizers remaining: ${counts}`);
    },
  ],
];

/** The conditions of a namespace that is being emptied, with upstream's reasons and messages. `known` itself if nothing changes. */
export function namespaceConditions(
  known: readonly NamespaceCondition[] | undefined,
  left: Leftovers,
  nowMs: number,
): readonly NamespaceCondition[] | undefined {
  let conditions = known;
  for (const [type, ok, check] of CONDITIONS) {
    const next: NamespaceCondition = { type, ...(check(left) ?? { ...ok, status: 'False' }) };
    const old = findCondition(conditions, type);
    const isSame = old?.status === next.status && old.reason === next.reason && old.message === next.message;
    if (!isSame) conditions = setCondition(conditions, next, nowMs);
  }
  return conditions;
}

function wrong(reason: string, message: string): Finding {
  return { status: 'True', reason, message };
}

function sorted(counts: ReadonlyMap<string, number>, text: (name: string, count: number) => string): string {
  return Array.from(counts, ([name, count]) => text(name, count))
    .sort()
    .join(', ');
}
