import type { Column, ResourceDefinition } from '../registry/resource-definition.ts';
import { NO_RULES } from '../structural/rules.ts';
import type { StructuralSchema } from '../structural/structural-schema.ts';
import { CustomSchema } from './custom-schema.ts';

/** A kind that is not among Kubernetes' own, and is asked and not stored. */
export interface VirtualKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in URLs. */
  readonly resource: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly ('create' | 'get' | 'list')[];
  /** Name and creation time if there are none. */
  readonly columns?: readonly Column[];
  /** As in a CustomResourceDefinition. */
  readonly schema: StructuralSchema;
}

/** What the API server is to serve of such a kind: for `VirtualResource.definition`. */
export function virtualKind(kind: VirtualKind): ResourceDefinition {
  const { group, version, schema, namespaced, verbs, shortNames = [], singular = '', columns = [], ...names } = kind;
  return {
    group,
    version,
    ...names,
    listKind: `${kind.kind}List`,
    singular,
    shortNames,
    categories: [],
    namespaced,
    verbs: verbs.toSorted(),
    subresources: {},
    schema: new CustomSchema({ group, version, kind: kind.kind, selectable: [] }, { load: () => schema, rules: NO_RULES }),
    columns,
    fieldSelectors: ['metadata.name', ...(namespaced ? ['metadata.namespace'] : [])],
    storage: undefined,
    strategy: {},
  };
}
