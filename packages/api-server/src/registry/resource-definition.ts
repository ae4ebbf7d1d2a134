import type { ColumnFact, KubernetesObject, SubresourceFact } from '@keelson/api';
import type { ObjectCodec } from '../storage/object-codec.ts';
import type { KindSchema } from './kind-schema.ts';
import type { Strategy } from './strategy.ts';

/** A column of a Table. */
export interface Column extends ColumnFact {
  readonly description?: string;
  /** What it shows of an object, if that is no path. */
  readonly cell?: (object: Readonly<KubernetesObject>, nowMs: number) => unknown;
}

/** Where objects of a kind are kept, and how. */
export interface StoragePlace {
  /** The group and version that they are encoded in. */
  readonly group: string;
  readonly version: string;
  /** Keys begin with `/registry/<prefix>/`. */
  readonly prefix: string;
  /** Of a version that has a storage of its own, in which objects are as this version has them. */
  readonly codec?: ObjectCodec;
}

/** Where the parts of a Scale are in an object: paths such as `.spec.replicas`. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  /** Of a selector in the form of a text. */
  readonly labelSelectorPath?: string | undefined;
}

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
  /** For kinds whose `scale` is not where the built-in kinds have it. */
  readonly scale?: ScalePaths | undefined;
  readonly columns: readonly Column[];
  /** Accepted field labels; `a>b` reads a as b. */
  readonly fieldSelectors: readonly string[];
  /** Absent for kinds that are never stored. */
  readonly storage: StoragePlace | undefined;
  readonly strategy: Strategy;
  /** No objects of it are created any more, because its definition is being deleted. */
  readonly terminating?: boolean;
  /** A warning that comes with each request. */
  readonly deprecation?: string | undefined;
}
