import { humanDuration, parseTime } from '@keelson/api';
import type { KindSchema } from '../registry/kind-schema.ts';
import type { Column, ResourceDefinition } from '../registry/resource-definition.ts';
import type { Cell } from './cell.ts';
import { computedCell } from './computed.ts';
import { compileExpression } from './expressions.ts';
import { compilePath } from './json-path.ts';

/** `TableColumnDefinition` of meta.k8s.io/v1. */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

export interface CompiledColumns {
  readonly columnDefinitions: readonly TableColumn[];
  readonly cells: readonly Cell[];
}

/** Of kinds that say nothing of their columns. */
const DEFAULT_COLUMNS: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', path: '.metadata.name' },
  { name: 'Created At', type: 'date', path: '.metadata.creationTimestamp' },
];

/** What is said of columns, by path; whatever is not here has an empty description. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  '.metadata.name': 'Name of the object, unique among objects of its kind in a namespace',
  'age(.metadata.creationTimestamp)': 'Time since the object was created',
  '.metadata.creationTimestamp': 'When the object was created',
};

const compiled = new WeakMap<ResourceDefinition, CompiledColumns>();

/** The columns of a kind; compiled on first use. */
export function columnsOf(definition: ResourceDefinition): CompiledColumns {
  const known = compiled.get(definition);
  if (known) return known;
  const columns = compileColumns(definition);
  compiled.set(definition, columns);
  return columns;
}

function compileColumns(definition: ResourceDefinition): CompiledColumns {
  const columns = definition.columns.length === 0 ? DEFAULT_COLUMNS : definition.columns;
  return {
    columnDefinitions: columns.map(tableColumn),
    cells: columns.map((column) => compileColumn(column, definition)),
  };
}

function tableColumn({ name, type, format = '', priority = 0, path, expr, description }: Column): TableColumn {
  return { name, type, format, description: description ?? DESCRIPTIONS[path ?? expr ?? ''] ?? '', priority };
}

function compileColumn(column: Column, { group, schema }: ResourceDefinition): Cell {
  if (column.cell) return column.cell;
  if (column.computed !== undefined) return computedCell(column.computed);
  if (column.expr !== undefined) return compileExpression(inGroup(column.expr, group));
  const path = inGroup(column.path ?? '', group);
  return schema.openApi ? customCell(path, column.type) : tableCell(path, schema);
}

/** The columns of events are written in the words of the core group. */
function inGroup(path: string, group: string): string {
  if (group !== 'events.k8s.io') return path;
  return path.replace('.involvedObject', '.regarding').replace('.message', '.note');
}

/** Numbers and flags that are left out of JSON when they are zero are shown as zero. */
function tableCell(path: string, schema: KindSchema): Cell {
  const valueAt = compilePath(path);
  const zero = schema.zeroAt(path.split('.').slice(1));
  return (object) => valueAt(object) ?? zero;
}

/** A column of a kind that is not in the tables: what is absent, or not of the column's type, is null; dates are shown as ages. */
function customCell(path: string, type: string): Cell {
  const valueAt = readablePath(path);
  return (object, nowMs) => {
    const value = valueAt(object);
    switch (type) {
      case 'string':
        return value === undefined ? null : typeof value === 'object' ? JSON.stringify(value) : String(value);
      case 'integer':
        return typeof value === 'bigint' ? value : typeof value === 'number' ? Math.trunc(value) : null;
      case 'number':
        return typeof value === 'number' || typeof value === 'bigint' ? value : null;
      case 'boolean':
        return typeof value === 'boolean' ? value : null;
      case 'date':
        return dateCell(value, nowMs);
      default:
        return null;
    }
  };
}

/** A path that cannot be read finds nothing: the definition was let in with it. */
function readablePath(path: string): ReturnType<typeof compilePath> {
  try {
    return compilePath(path);
  } catch {
    return () => undefined;
  }
}

function dateCell(value: unknown, nowMs: number): string | null {
  if (typeof value !== 'string') return null;
  const thenMs = parseTime(value);
  return thenMs === undefined ? '<invalid>' : humanDuration(nowMs - thenMs);
}
