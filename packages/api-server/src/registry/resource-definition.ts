import type { ColumnFact, SubresourceFact } from '@keelson/api';
import type { KindSchema } from './kind-schema.ts';
import type { Strategy } from './strategy.ts';

/** One version of a kind as the API server serves it: made from the tables, or from a CustomResourceDefinition. */
export interface ResourceDefinition {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly listKind: string;
  /** Plural, as in URLs. */
  readonly resource: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Sorted. */
  readonly verbs: readonly string[];
  readonly subresources: Readonly<Record<string, SubresourceFact>>;
  readonly schema: KindSchema;
  readonly columns: readonly ColumnFact[];
  /** Accepted field labels; `a>b` reads a as b. */
  readonly fieldSelectors: readonly string[];
  /** Where objects are kept: the group and version they are encoded in, and `/registry/<prefix>/`. Absent for kinds that are never stored. */
  readonly storage: { readonly group: string; readonly version: string; readonly prefix: string } | undefined;
  readonly strategy: Strategy;
  /** A warning that comes with each request. */
  readonly deprecation?: string | undefined;
}
