import * as types from '../types/cel-type.ts';
import type { CelType } from '../types/cel-type.ts';
import type { CelValue } from '../values/value.ts';

/** One way to call a function. Values match the parameters when `call` runs. */
export interface Overload {
  /** As the Kubernetes and CEL libraries name it; unique. */
  readonly id: string;
  readonly name: string;
  /** Whether it is called on its first parameter: `a.f(b)`. */
  readonly isMember: boolean;
  /** With what it is called on, if so. */
  readonly parameters: readonly CelType[];
  readonly result: CelType;
  call(...args: readonly CelValue[]): CelValue;
}

/** What an overload does with its arguments. */
export type Implementation = (...args: never[]) => CelValue;

const SIMPLE: Readonly<Record<string, CelType>> = {
  bool: types.BOOL,
  int: types.INT,
  uint: types.UINT,
  double: types.DOUBLE,
  string: types.STRING,
  bytes: types.BYTES,
  dyn: types.DYN,
  timestamp: types.TIMESTAMP,
  duration: types.DURATION,
};
const SIGNATURE = /^(?:(?<receiver>[^ ]+?)\.)?(?<name>[\w@?!+*/%<>=&|[\]:-]+)\((?<args>.*)\) (?<result>\S+)$/;

/**
 * An overload by its signature, such as `list(A).indexOf(A) int` (a member) or `size(map(K,V)) int`. Capital letters are types that
 * the arguments decide on. A dotted name, such as `ip.isCanonical`, is given by `name`.
 */
export function overload(id: string, signature: string, call: Implementation, name?: string): Overload {
  const { receiver, name: plain = '', args = '', result = '' } = SIGNATURE.exec(signature)?.groups ?? {};
  const parameters = [...(receiver === undefined ? [] : [receiver]), ...splitTypes(args)].map(parseType);
  return {
    id,
    name: name ?? plain,
    isMember: receiver !== undefined,
    parameters,
    result: parseType(result),
    // The checker and the planner see to it that arguments fit the signature.
    call: call as unknown as Overload['call'],
  };
}

function splitTypes(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let current = '';
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ',' && depth === 0) {
      found.push(current.trim());
      current = '';
    } else current += char;
  }
  if (current.trim() !== '') found.push(current.trim());
  return found;
}

function parseType(text: string): CelType {
  const known = SIMPLE[text];
  if (known) return known;
  if (/^[A-Z]$/.test(text)) return types.parameter(text);
  const [, outer = '', inner = ''] = /^(\w+)\((.*)\)$/.exec(text) ?? [];
  const parameters = splitTypes(inner).map(parseType);
  const [first = types.DYN, second = types.DYN] = parameters;
  switch (outer) {
    case 'list':
      return types.listOf(first);
    case 'map':
      return types.mapOf(first, second);
    case 'optional':
      return types.optionalOf(first);
    case 'type':
      return types.typeOfType(first);
    default:
      return types.opaque(text);
  }
}

/** Functions by name. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

export function functionTable(overloads: Iterable<Overload>): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const item of overloads) {
    const known = table.get(item.name);
    if (known) known.push(item);
    else table.set(item.name, [item]);
  }
  return table;
}
