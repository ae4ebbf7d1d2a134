import type { ObjectMeta } from './generated/meta/v1.ts';

/** What every Kubernetes object has. `apiVersion` and `kind` may be missing on items of a list. */
export interface KubernetesObject {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata?: ObjectMeta | undefined;
}

/**
 * A kind of object and where the API serves it. The generated modules export one for each served kind, under the kind's own name
 * beside its type: `import { Pod } from '@keelson/api/core/v1'` brings both.
 */
export interface Kind<T extends KubernetesObject = KubernetesObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, lower case, as in URLs. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** Carries the type; never set. */
  readonly object?: T;
}

/** `v1` or `apps/v1`, as in an object's `apiVersion`. */
export function apiVersionOf(kind: Pick<Kind, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}
