import type { FieldTerm, LabelSelectorMatcher } from '@keelson/api';
import type { StoredObject } from './stored-object.ts';

/** Which objects of a resource are meant. */
export interface Selection {
  /** One namespace; all if absent. */
  readonly namespace?: string | undefined;
  /** One name, from the path or from `metadata.name=`. */
  readonly name?: string | undefined;
  readonly labels?: LabelSelectorMatcher | undefined;
  /** Terms other than `metadata.name=` and `metadata.namespace=`. */
  readonly fields: readonly FieldTerm[];
}

/** True if the selection is more than a place: then lists may not count what is left, and watches must translate changes. */
export function hasSelector(selection: Selection): boolean {
  return (
    (selection.labels !== undefined && !selection.labels.isEmpty) || selection.fields.length > 0 || selection.name !== undefined
  );
}

/** True if the content of an object can move it in or out of the selection. */
export function dependsOnContent(selection: Selection): boolean {
  return (selection.labels !== undefined && !selection.labels.isEmpty) || selection.fields.length > 0;
}

export function selects(selection: Selection, item: StoredObject): boolean {
  if (selection.namespace !== undefined && item.namespace !== selection.namespace) return false;
  if (selection.name !== undefined && item.name !== selection.name) return false;
  return selectsContent(selection, item);
}

/** As `selects`, for an object that is known to be in the right place. */
export function selectsContent({ labels, fields }: Selection, item: StoredObject): boolean {
  if (labels && !labels.isEmpty && !labels.matches(item.labels)) return false;
  for (const { field, operator, value } of fields) {
    if (((item.fields[field] ?? '') === value) !== (operator === '=')) return false;
  }
  return true;
}
