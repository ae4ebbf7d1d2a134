import { isOptional, type CelType } from '../types/cel-type.ts';
import { CelOptional, type CelValue } from '../values/value.ts';

/** Whether a value may be a parameter of that type. What is in lists and maps is not looked at. */
export function fits(value: CelValue, type: CelType): boolean {
  switch (type.kind) {
    case 'parameter':
    case 'dyn':
      return true;
    case 'string':
      return typeof value === 'string';
    case 'int':
      return typeof value === 'bigint';
    case 'double':
      return typeof value === 'number';
    case 'bool':
      return typeof value === 'boolean';
    case 'null':
      return value === null;
    case 'bytes':
      return value instanceof Uint8Array;
    default:
      return value !== null && typeof value === 'object' && !(value instanceof Uint8Array) && fitsComposite(value, type);
  }
}

function fitsComposite(value: Extract<CelValue, { kind: string }>, type: CelType): boolean {
  if (isOptional(type)) return value instanceof CelOptional && fitsContent(value, type);
  if (type.kind === 'opaque') return value.kind === 'opaque' && value.type.name === type.name;
  return value.kind === type.kind;
}

function fitsContent({ value }: CelOptional, type: CelType): boolean {
  const [content] = type.parameters;
  return value === undefined || !content || fits(value, content);
}
