export { loadCel } from './syntax/library.ts';
export { compile, type Compiled, type CompileFailure } from './compile.ts';
export { PER_CALL_LIMIT, type Outcome, Program } from './program.ts';
export type { Activation } from './plan/frame.ts';
export { environment, type Environment, type StructTypes, type Variable } from './environment.ts';
export type { Range } from './cost/range.ts';
export {
  authorizerValue,
  resourceCheckValue,
  AUTHORIZER,
  RESOURCE_CHECK,
  type AccessAnswer,
  type AccessCheck,
  type AccessQuestion,
} from './functions/authorizer.ts';
export {
  declaredList,
  declaredMap,
  declaredObject,
  declaredString,
  DECLARED_BOOL,
  DECLARED_DOUBLE,
  DECLARED_INT,
  type DeclaredField,
  type DeclaredType,
} from './schema/declared-type.ts';
export { escapeFieldName, unescapeFieldName } from './schema/field-names.ts';
export { declareSchema, type Schema } from './schema/from-schema.ts';
export {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  formatType,
  INT,
  listOf,
  mapOf,
  NULL,
  objectType,
  opaque,
  optionalOf,
  STRING,
  TIMESTAMP,
  type CelType,
  type TypeKind,
  UINT,
} from './types/cel-type.ts';
export { equal } from './values/equality.ts';
export { CostExceeded, EvaluationFailure } from './values/failure.ts';
export { fromJson, toJson } from './values/json.ts';
export {
  CelDuration,
  CelOptional,
  CelTimestamp,
  CelTypeValue,
  CelUint,
  typeName,
  type CelKey,
  type CelList,
  type CelMap,
  type CelObject,
  type CelOpaque,
  type CelValue,
  type ListSemantics,
} from './values/value.ts';
