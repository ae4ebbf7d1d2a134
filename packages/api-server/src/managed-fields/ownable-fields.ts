import { EMPTY_FIELD_SET, type FieldSet } from '@keelson/api/structured-merge';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import { STATUS_METADATA, type StatusMetadata } from '../registry/strategy.ts';

/**
 * Which fields a request to an object or to a subresource can own: those that it can change. What it may carry beside them is put back
 * before the object is stored, so nobody comes to own it by that.
 */
export type OwnableFields = (fields: FieldSet) => FieldSet;

/** A path of elements as `FieldsV1` has them, `*` for any one; with all that is below it. */
export type OwnablePath = readonly string[];

const everything: OwnableFields = (fields) => fields;

/** What only `/status` can change. */
function withoutStatus(fields: FieldSet): FieldSet {
  if (fields['f:status'] === undefined) return fields;
  const { 'f:status': _status, ...rest } = fields;
  return rest;
}

const ofStatus = statusFields(STATUS_METADATA);

function statusFields(metadata: readonly StatusMetadata[]): OwnableFields {
  return onlyPaths([['f:status'], ...metadata.map((field) => ['f:metadata', `f:${field}`])]);
}

/** Of the object itself, or of its status. */
export function ownableFields({ subresources, strategy }: ResourceDefinition, part: 'main' | 'status'): OwnableFields {
  if (part === 'status') return strategy.statusMetadata ? statusFields(strategy.statusMetadata) : ofStatus;
  return 'status' in subresources ? withoutStatus : everything;
}

/** Only what is at these paths, or below them. */
export function onlyPaths(paths: readonly OwnablePath[]): OwnableFields {
  return (fields) => picked(fields, paths) ?? EMPTY_FIELD_SET;
}

function picked(node: FieldSet, paths: readonly OwnablePath[]): FieldSet | undefined {
  if (paths.some((path) => path.length === 0)) return node;
  const result: Record<string, FieldSet> = {};
  for (const element in node) {
    const below = paths.filter(([first]) => element !== '.' && (first === element || first === '*'));
    const kept =
      below.length === 0
        ? undefined
        : picked(
            node[element] ?? EMPTY_FIELD_SET,
            below.map((path) => path.slice(1)),
          );
    if (kept !== undefined) result[element] = kept;
  }
  return Object.keys(result).length === 0 ? undefined : result;
}
