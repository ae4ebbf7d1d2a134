import { DYN, isDynOrError, sameType, type CelType } from './cel-type.ts';

/** What type parameters stand for, by name. */
export type Substitutions = Map<string, CelType>;

/**
 * Whether a value of one type can be where the other is expected, in either direction: CEL's types agree rather than inherit. Type
 * parameters get what they have to stand for in `substitutions`, which is changed even if the answer is no; pass a copy.
 */
export function agree(substitutions: Substitutions, one: CelType, other: CelType): boolean {
  if (other.kind === 'parameter') {
    const verdict = substitute(substitutions, one, other);
    if (verdict === 'yes') return true;
    if (verdict === 'bound') return false;
  }
  if (one.kind === 'parameter') return substitute(substitutions, other, one) === 'yes';
  if (isDynOrError(one) || isDynOrError(other)) return true;
  if (one.kind === 'null' && other.kind !== 'null') return isNullable(other);
  if (other.kind === 'null' && one.kind !== 'null') return isNullable(one);
  if (one.kind !== other.kind) return false;
  if (one.kind === 'type') return true;
  return one.name === other.name && agreeAll(substitutions, one.parameters, other.parameters);
}

/** As `agree`, for lists of arguments. */
export function agreeAll(substitutions: Substitutions, ones: readonly CelType[], others: readonly CelType[]): boolean {
  return ones.length === others.length && ones.every((type, index) => agree(substitutions, type, others[index] ?? DYN));
}

/** `bound`: the parameter stands for something else already. */
function substitute(substitutions: Substitutions, type: CelType, parameter: CelType): 'yes' | 'bound' | 'no' {
  if (sameType(type, parameter)) return 'yes';
  const bound = substitutions.get(parameter.name);
  if (bound) {
    if (sameType(type, bound)) return 'yes';
    if (!agree(substitutions, type, bound)) return 'bound';
    const general = moreGeneral(type, bound);
    if (!occursIn(substitutions, parameter, general)) substitutions.set(parameter.name, general);
    return 'yes';
  }
  if (occursIn(substitutions, parameter, type)) return 'no';
  substitutions.set(parameter.name, type);
  return 'yes';
}

function isNullable({ kind }: CelType): boolean {
  return kind === 'opaque' || kind === 'object' || kind === 'duration' || kind === 'timestamp';
}

/** Of two types that agree, the one that says less. */
export function moreGeneral(one: CelType, other: CelType): CelType {
  return saysLess(one, other) ? one : other;
}

function saysLess(one: CelType, other: CelType): boolean {
  if (one.kind === 'dyn' || one.kind === 'parameter') return true;
  if (other.kind === 'dyn' || other.kind === 'parameter') return false;
  if (one.kind !== other.kind || one.name !== other.name) return false;
  return one.kind === 'type' || one.parameters.every((type, index) => saysLess(type, other.parameters[index] ?? DYN));
}

function occursIn(substitutions: Substitutions, parameter: CelType, type: CelType): boolean {
  if (sameType(parameter, type)) return true;
  if (type.kind === 'parameter') {
    const bound = substitutions.get(type.name);
    return bound !== undefined && occursIn(substitutions, parameter, bound);
  }
  return type.parameters.some((inner) => occursIn(substitutions, parameter, inner));
}

/** The type with all known parameters replaced; the others become `dyn` if `closed`. */
export function resolve(substitutions: Substitutions, type: CelType, closed = false): CelType {
  if (type.kind === 'parameter') {
    const bound = substitutions.get(type.name);
    if (bound) return resolve(substitutions, bound, closed);
    return closed ? DYN : type;
  }
  if (type.parameters.length === 0) return type;
  return { ...type, parameters: type.parameters.map((inner) => resolve(substitutions, inner, closed)) };
}
