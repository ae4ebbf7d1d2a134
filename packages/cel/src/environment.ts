import type { FunctionTable } from './functions/overload.ts';
import { kubernetesFunctions } from './functions/kubernetes-functions.ts';
import type { DeclaredType } from './schema/declared-type.ts';
import { DYN, type CelType } from './types/cel-type.ts';

/** The objects that expressions can make, such as `Object.spec{replicas: 3}`. */
export interface StructTypes {
  /** The type of that name; `undefined` if there is none. */
  find(name: string): CelType | undefined;
  /** The type of a field; `undefined` if the type has none of that name. */
  field(type: CelType, name: string): CelType | undefined;
}

/** What a variable is. */
export interface Variable {
  readonly type: CelType;
  /** What is known of its values, for estimates of cost. */
  readonly declared?: DeclaredType;
}

/** What an expression can name. Immutable; extend it by making another. */
export interface Environment {
  /** By name; a name may have dots (`authorizer.requestResource`). */
  readonly variables: ReadonlyMap<string, Variable>;
  readonly functions: FunctionTable;
  readonly structs?: StructTypes;
  /** Literals of lists and maps may mix types, as CEL lets them; Kubernetes does not. Default false. */
  readonly mixedLiterals?: boolean;
}

/** An environment with the functions of Kubernetes and these variables: with a declared type, a plain type, or none (`dyn`). */
export function environment(
  variables: Readonly<Record<string, DeclaredType | CelType | undefined>>,
  structs?: StructTypes,
): Environment {
  const entries = Object.entries(variables).map(([name, type]) => [name, variableOf(type)] as const);
  return { variables: new Map(entries), functions: kubernetesFunctions(), ...(structs && { structs }) };
}

function variableOf(type: DeclaredType | CelType | undefined): Variable {
  if (!type) return { type: DYN };
  return 'kind' in type ? { type } : { type: type.type, declared: type };
}
