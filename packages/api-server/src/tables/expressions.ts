import { labelSelectorFrom } from '@keelson/api';
import type { Container } from '@keelson/api/core/v1';
import type { LabelSelector } from '@keelson/api/meta/v1';
import type { RoleBinding } from '@keelson/api/rbac/v1';
import { ageOf, labelsText, NONE, UNKNOWN, UNSET, type Cell } from './cell.ts';
import { compilePath, compilePathAll, isPlural } from './json-path.ts';

const ACCESS_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const ACCESS_MODE_ORDER = Object.keys(ACCESS_MODES);

/** The functions that a column expression may call: each makes a cell of its arguments. */
const EXPRESSIONS: Readonly<Record<string, (path: string, other: string) => Cell>> = {
  none: (path) => textOr(path, NONE),
  unset: (path) => textOr(path, UNSET),
  unknown: (path) => textOr(path, UNKNOWN),
  na: (path) => textOr(path, 'N/A'),
  or: (path, other) => valueOr(path, other),
  age: (path) => onValue(path, (value, nowMs) => ageOf(value as string, nowMs)),
  noneage: (path) => onValue(path, (value, nowMs) => (value === undefined ? NONE : ageOf(value as string, nowMs))),
  names: (path) => onValue(path, (value) => ((value ?? []) as Container[]).map(({ name }) => name).join(',')),
  images: (path) => onValue(path, (value) => ((value ?? []) as Container[]).map(({ image }) => image ?? '').join(',')),
  labels: (path) => onValue(path, (value) => labelsText(value as Record<string, string> | undefined)),
  selector: (path) => onValue(path, (value) => selectorText(value as LabelSelector | undefined)),
  boolptr: (path) => onValue(path, (value) => (value === undefined ? UNSET : value === true ? 'True' : 'False')),
  join: (path) => onValue(path, (value) => ((value ?? []) as unknown[]).join(',')),
  trim: (path) => onValue(path, (value) => textOf(value).trim()),
  accessModes: (path) => onValue(path, (value) => accessModesText(value as string[] | undefined)),
  subjects: (kind) => subjects(kind),
};

/** Compiles `name(argument,argument)`; the forms are described with the tables that use them. */
export function compileExpression(expression: string): Cell {
  const [, name = '', list = ''] = /^(\w+)\((.*)\)$/.exec(expression) ?? [];
  const [first = '', ...others] = list.split(',');
  if (name === 'len') return totalLength([first, ...others]);
  const make = EXPRESSIONS[name];
  if (!make) throw new SyntaxError(`Cannot compile the column expression "${expression}"`);
  return make(first, others.join(','));
}

function onValue(path: string, show: (value: unknown, nowMs: number) => unknown): Cell {
  const valueAt = compilePath(path);
  return (object, nowMs) => show(valueAt(object), nowMs);
}

function textOr(path: string, instead: string): Cell {
  if (!isPlural(path)) return onValue(path, (value) => textOf(value) || instead);
  const valuesAt = compilePathAll(path);
  return (object) => valuesAt(object).map(textOf).join(',') || instead;
}

function valueOr(path: string, other: string): Cell {
  const instead = other === 'true' ? true : other === 'false' ? false : other;
  return onValue(path, (value) => value ?? instead);
}

function totalLength(paths: readonly string[]): Cell {
  const readers = paths.map(compilePath);
  return (object) => readers.reduce((total, valueAt) => total + sizeOf(valueAt(object)), 0);
}

function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',');
  if (typeof value === 'object' && value !== null) return JSON.stringify(value);
  return value === undefined || value === null ? '' : String(value);
}

function selectorText(selector: LabelSelector | undefined): string {
  try {
    return labelSelectorFrom(selector).toString() || NONE;
  } catch {
    return '<error>';
  }
}

/** Each mode once, in a fixed order. */
export function accessModesText(modes: readonly string[] | undefined): string {
  return ACCESS_MODE_ORDER.filter((mode) => modes?.includes(mode))
    .map((mode) => ACCESS_MODES[mode])
    .join(',');
}

function subjects(kind: string): Cell {
  return (binding: RoleBinding) =>
    (binding.subjects ?? [])
      .filter((subject) => subject.kind === kind)
      .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
      .join(', ');
}
