import type { KubernetesObject } from '@keelson/api';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { Cell } from './cell.ts';
import { columnsOf, type TableColumn } from './columns.ts';

export interface TableListMetadata {
  readonly resourceVersion?: string | undefined;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
}

export interface TableOptions {
  /** Ages are counted to this moment. */
  readonly nowMs: number;
  /** What each row carries of its object. */
  readonly includeObject: 'None' | 'Metadata' | 'Object';
  readonly list?: TableListMetadata;
}

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object: unknown;
}

/** A `Table` of meta.k8s.io/v1. */
export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly metadata: TableListMetadata;
  readonly columnDefinitions: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

/**
 * The objects as `kubectl get` shows them, with the columns that the kind has. Nothing of the objects is copied: the table refers to
 * their metadata. Hot path: a call of a compiled function for each cell.
 */
export function tableOf(
  definition: ResourceDefinition,
  objects: readonly Readonly<KubernetesObject>[],
  { nowMs, includeObject, list = {} }: TableOptions,
): Table {
  const { columnDefinitions, cells } = columnsOf(definition);
  const rows: TableRow[] = [];
  for (const object of objects) rows.push({ cells: cellsOf(cells, object, nowMs), object: rowObject(object, includeObject) });
  return { kind: 'Table', apiVersion: 'meta.k8s.io/v1', metadata: list, columnDefinitions, rows };
}

function cellsOf(cells: readonly Cell[], object: Readonly<KubernetesObject>, nowMs: number): unknown[] {
  const values: unknown[] = [];
  for (const cell of cells) values.push(cell(object, nowMs));
  return values;
}

function rowObject(object: Readonly<KubernetesObject>, include: TableOptions['includeObject']): unknown {
  switch (include) {
    case 'None':
      return null;
    case 'Metadata':
      return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
    case 'Object':
      return object;
  }
}
