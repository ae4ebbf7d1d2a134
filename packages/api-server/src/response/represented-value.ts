import type { KubernetesObject } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { Query } from '../request/query.ts';
import type { ListResult, ObjectResult } from './api-result.ts';
import type { Representation } from './representation.ts';
import { servedObject } from './served-object.ts';
import type { StoredObject } from '../storage/stored-object.ts';

/** Makes Tables of objects. */
export type TableMaker = (definition: ResourceDefinition, objects: readonly KubernetesObject[], options: TableOptions) => object;

export interface TableOptions {
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  readonly nowMs: number;
}

/** A list or an object as a Table or as metadata alone. */
export function representedValue({ as }: Representation, result: ObjectResult | ListResult, _query: Query): unknown {
  const { definition } = result;
  if (result.type === 'object') return partialOf(servedObject(definition, result.item));
  void as;
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: 'meta.k8s.io/v1',
    metadata: result.metadata,
    items: result.items.map((item: StoredObject) => partialOf(servedObject(definition, item))),
  };
}

/** Only the metadata. */
export function partialOf({ metadata }: Readonly<KubernetesObject>): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
