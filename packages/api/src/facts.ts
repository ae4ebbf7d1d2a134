import { FACTS_JSON } from './generated/facts.ts';

/** The type of an array's elements or a map's values: `#core.v1.Container`, `string`, `integer:int32`, or a nested array. */
export type ItemsFact = string | { readonly array: ItemsFact };

/** What is known of one field of a definition; the full list of attributes is in `packages/api/data/README.md`. */
export interface FieldFact {
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'object' | 'array' | 'map' | 'ref' | 'any';
  readonly format?: string;
  readonly ref?: string;
  readonly items?: ItemsFact;
  readonly required?: 1;
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  readonly mapType?: 'atomic' | 'granular';
  /** Comma-separated strategic merge patch strategies: `merge`, `replace`, `retainKeys`. */
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly enum?: readonly string[];
  readonly consts?: readonly string[];
  readonly default?: unknown;
  readonly pb?: number | readonly [number, number];
  readonly pbType?: string;
  /** Absent and zero differ. */
  readonly ptr?: 1;
  /** The JSON key is always written. */
  readonly always?: 1;
  readonly omitzero?: 1;
  readonly gate?: string | readonly string[];
  readonly stage?: 'alpha' | 'beta';
  readonly deprecated?: 1;
  readonly dv?: string | readonly string[];
}

export interface DefinitionFact {
  /** `group/version/kind`, with an empty group for core. */
  readonly gvk?: readonly string[];
  readonly type?: string;
  readonly format?: string;
  readonly mapType?: string;
  readonly structType?: string;
  readonly noPb?: 1;
  readonly src?: string;
  readonly fields?: Readonly<Record<string, FieldFact>>;
}

export interface SubresourceFact {
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly version?: string;
  /** A streaming or proxying subresource. */
  readonly connect?: 1;
}

export interface ColumnFact {
  readonly name: string;
  readonly type: string;
  readonly format?: string;
  readonly priority?: number;
  readonly path?: string;
  readonly expr?: string;
  readonly computed?: string;
}

export interface ResourceFact {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Name of the definition, such as `core.v1.Pod`. */
  readonly def: string;
  readonly list?: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources?: Readonly<Record<string, SubresourceFact>>;
  /** `null`: this kind is never stored. */
  readonly storageVersion?: string | null;
  readonly storageGroup?: string;
  readonly etcdPrefix?: string;
  readonly stability: 'GA' | 'beta' | 'alpha';
  readonly defaultEnabled?: boolean;
  readonly introduced?: string;
  readonly deprecatedIn?: string;
  readonly removedIn?: string;
  readonly fieldSelectors?: readonly string[];
  readonly columns?: readonly ColumnFact[] | null;
}

export interface GroupFact {
  readonly group: string;
  readonly versions: readonly string[];
  readonly preferred: string;
}

/** The Kubernetes API of one release, as tables. */
export interface Facts {
  readonly kubernetes: string;
  /** Short prefix of a definition's name to the full OpenAPI one; `(else)` for the rest. */
  readonly prefixes: Readonly<Record<string, string>>;
  readonly groups: readonly GroupFact[];
  readonly nonResourcePaths: unknown;
  readonly definitions: Readonly<Record<string, DefinitionFact>>;
  readonly extraDefinitions: Readonly<Record<string, DefinitionFact>>;
  readonly resources: readonly ResourceFact[];
  readonly otherColumns: Readonly<Record<string, readonly ColumnFact[]>>;
  readonly serverDefaults: readonly (readonly unknown[])[];
}

let loaded: Facts | undefined;

/** The tables of Kubernetes 1.36, parsed on first use (a few milliseconds) and kept. */
export function facts(): Facts {
  // The text is this package's own and was written by its generator in this shape.
  loaded ??= JSON.parse(FACTS_JSON) as Facts;
  return loaded;
}
