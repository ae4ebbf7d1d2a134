/** The kinds of CEL types. `parameter` stands for a type that is still to be found. */
export type TypeKind =
  | 'bool'
  | 'int'
  | 'uint'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'dyn'
  | 'error'
  | 'list'
  | 'map'
  | 'object'
  | 'opaque'
  | 'type'
  | 'parameter';

/** A CEL type. Compare with `sameType`, not by identity. */
export interface CelType {
  readonly kind: TypeKind;
  /** As CEL writes it, without parameters. */
  readonly name: string;
  /** Of a list its element; of a map key and value; of an opaque type or a type of types what it is over. */
  readonly parameters: readonly CelType[];
  /** What an object can be asked for, by the names that expressions use. */
  readonly fields?: ReadonlyMap<string, CelType>;
}

function simple(kind: TypeKind, name: string = kind): CelType {
  return { kind, name, parameters: [] };
}

export const BOOL = simple('bool');
export const INT = simple('int');
export const UINT = simple('uint');
export const DOUBLE = simple('double');
export const STRING = simple('string');
export const BYTES = simple('bytes');
export const NULL = simple('null', 'null_type');
export const TIMESTAMP = simple('timestamp', 'google.protobuf.Timestamp');
export const DURATION = simple('duration', 'google.protobuf.Duration');
export const DYN = simple('dyn');
/** The type of what has been reported already, so that one mistake is reported once. */
export const ERROR = simple('error', '*error*');

export function listOf(element: CelType): CelType {
  return { kind: 'list', name: 'list', parameters: [element] };
}

export function mapOf(key: CelType, value: CelType): CelType {
  return { kind: 'map', name: 'map', parameters: [key, value] };
}

export function objectType(name: string, fields: ReadonlyMap<string, CelType>): CelType {
  return { kind: 'object', name, parameters: [], fields };
}

/** A type that expressions can only pass to functions, such as `net.IP`. */
export function opaque(name: string, parameters: readonly CelType[] = []): CelType {
  return { kind: 'opaque', name, parameters };
}

export function optionalOf(value: CelType): CelType {
  return opaque('optional_type', [value]);
}

/** The type of the value that stands for a type, such as `int` in `type(x) == int`. */
export function typeOfType(type: CelType): CelType {
  return { kind: 'type', name: 'type', parameters: [type] };
}

export function parameter(name: string): CelType {
  return { kind: 'parameter', name, parameters: [] };
}

export function isOptional(type: CelType): boolean {
  return type.kind === 'opaque' && type.name === 'optional_type';
}

/** The type in an optional one, or the type itself. */
export function unwrapOptional(type: CelType): CelType {
  return isOptional(type) ? (type.parameters[0] ?? DYN) : type;
}

export function isDynOrError(type: CelType): boolean {
  return type.kind === 'dyn' || type.kind === 'error';
}

export function sameType(one: CelType, other: CelType): boolean {
  return (
    one === other ||
    (one.kind === other.kind &&
      one.name === other.name &&
      one.parameters.length === other.parameters.length &&
      one.parameters.every((type, index) => sameType(type, other.parameters[index] ?? ERROR)))
  );
}

/** A type as error messages show it. */
export function formatType(type: CelType): string {
  if (type.kind === 'null') return 'null';
  if (type.kind === 'error') return '!error!';
  if (type.kind === 'type' && type.parameters.length === 0) return 'type';
  if (type.parameters.length === 0) return type.name;
  return `${type.name}(${type.parameters.map(formatType).join(', ')})`;
}
