export { applyConfiguration, type ApplyInput, type ApplyResult } from './apply.ts';
export { compare, type Comparison } from './compare.ts';
export {
  difference,
  EMPTY as EMPTY_FIELD_SET,
  hasPath,
  intersection,
  isEmptySet,
  parseFieldSet,
  pathsOf,
  recursiveDifference,
  setOfPath,
  sortedSet,
  union,
  type FieldSet,
} from './field-set.ts';
export { hotSetAt, isPooledSet, knownSet, pooledSet, setOfText, textOfSet } from './field-set-pool.ts';
export {
  ownerId,
  ownersAfterUpdate,
  type FieldConflict,
  type FieldOwner,
  type FieldOwners,
  type TrackedWrite,
  type VersionedSchemas,
} from './managers.ts';
export { merge } from './merge.ts';
export { SchemaMismatch, type Fault } from './merge-error.ts';
export { pathText, type PathElement } from './path-element.ts';
export { removeFields } from './remove.ts';
export { tableSchema } from './table-schema.ts';
export { checkConfiguration } from './validate.ts';
export {
  SCALAR,
  UNTYPED,
  type ListSchema,
  type MapSchema,
  type ScalarSchema,
  type UntypedSchema,
  type ValueSchema,
} from './value-schema.ts';
export { configurationSet, createdSet } from './whole-set.ts';
