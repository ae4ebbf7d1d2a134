import type { Overload } from '../functions/overload.ts';
import { agreeAll, resolve, type Substitutions } from '../types/assignability.ts';
import { DYN, formatType, sameType, type CelType } from '../types/cel-type.ts';

interface Choice {
  readonly candidates: readonly Overload[];
  readonly isMember: boolean;
  readonly argTypes: readonly CelType[];
  readonly substitutions: Substitutions;
  /** A type parameter that nothing else has. */
  readonly fresh: () => CelType;
}

interface Chosen {
  readonly overloads: readonly Overload[];
  readonly result: CelType;
  readonly substitutions: Substitutions;
}

/** The overloads that fit the types of arguments: one, unless types are only known when it runs. `undefined` if none fits. */
export function chooseOverloads({ candidates, isMember, argTypes, substitutions, fresh }: Choice): Chosen | undefined {
  const overloads: Overload[] = [];
  let result: CelType | undefined;
  let known = substitutions;
  for (const candidate of candidates) {
    if (candidate.isMember !== isMember) continue;
    const own: Substitutions = new Map();
    const parameters = candidate.parameters.map((type) => instantiate(type, own, fresh));
    const tried: Substitutions = new Map(known);
    if (!agreeAll(tried, argTypes, parameters)) continue;
    known = tried;
    overloads.push(candidate);
    const found = resolve(known, instantiate(candidate.result, own, fresh));
    if (!result) result = found;
    else if (result.kind !== 'dyn' && !sameType(result, found)) result = DYN;
  }
  return result && { overloads, result, substitutions: known };
}

/** The type with its own parameters in place of the signature's letters. */
function instantiate(type: CelType, own: Substitutions, fresh: () => CelType): CelType {
  if (type.kind === 'parameter') {
    const known = own.get(type.name);
    if (known) return known;
    const made = fresh();
    own.set(type.name, made);
    return made;
  }
  if (type.parameters.length === 0) return type;
  return { ...type, parameters: type.parameters.map((inner) => instantiate(inner, own, fresh)) };
}

/** As errors show a call: `(int, string)`, or `string.(int)` of a member. */
export function formatSignature(argTypes: readonly CelType[], isMember: boolean): string {
  const shown = argTypes.map(formatType);
  return isMember ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
}
