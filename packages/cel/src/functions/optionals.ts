import { equal } from '../values/equality.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { sizeOf } from '../values/size.ts';
import { CelDuration, CelOptional, CelTimestamp, CelUint, type CelValue } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

/** Values that may be missing. Choosing between them (`or`, `orValue`) is part of evaluating. */
export function optionalFunctions(): Overload[] {
  return [
    overload('optional_of', 'of(A) optional(A)', (value: CelValue) => new CelOptional(value), 'optional.of'),
    overload(
      'optional_ofNonZeroValue',
      'ofNonZeroValue(A) optional(A)',
      (value: CelValue) => {
        return isZero(value) ? CelOptional.NONE : new CelOptional(value);
      },
      'optional.ofNonZeroValue',
    ),
    overload('optional_none', 'none() optional(A)', () => CelOptional.NONE, 'optional.none'),
    overload('optional_value', 'optional(A).value() A', ({ value }: CelOptional) => {
      if (value === undefined) throw new EvaluationFailure('optional.none() dereference');
      return value;
    }),
    overload('optional_hasValue', 'optional(A).hasValue() bool', ({ value }: CelOptional) => value !== undefined),
    overload('optional_or_optional', 'optional(A).or(optional(A)) optional(A)', (one: CelOptional, other: CelOptional) => {
      return one.value === undefined ? other : one;
    }),
    overload('optional_orValue_value', 'optional(A).orValue(A) A', ({ value }: CelOptional, other: CelValue) => value ?? other),
  ];
}

function isZero(value: CelValue): boolean {
  if (value === null || value === false || value === '') return true;
  if (typeof value === 'bigint' || typeof value === 'number' || value instanceof CelUint) return equal(value, 0n);
  if (value instanceof CelDuration || value instanceof CelTimestamp) return value.nanos === 0n;
  if (typeof value !== 'object') return false;
  if (value instanceof Uint8Array || value.kind === 'list' || value.kind === 'map') return sizeOf(value) === 0;
  if (value.kind === 'object') return [...value.fields()].length === 0;
  return value instanceof CelOptional && value.value === undefined;
}
