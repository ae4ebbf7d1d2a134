import type { FieldError } from '../validation/field-error.ts';
import { formatOf } from './formats.ts';
import { refused, wrong, wrongNumber, type Place } from './schema-errors.ts';
import type { StructuralSchema } from './structural-schema.ts';

type Numeric = number | bigint;

const MAX_INT32 = 2_147_483_647;
const MAX_FLOAT32 = 3.4028234663852886e38;

/** True for what Go reads as an integer: everything else is a float there. */
export function isInteger(value: Numeric): boolean {
  return typeof value === 'bigint' ? BigInt.asIntN(64, value) === value : Number.isSafeInteger(value);
}

/** Everything that a schema says of a number. */
export function numberErrors(schema: StructuralSchema, value: Numeric, place: Place): FieldError[] {
  const { multipleOf, minimum, maximum } = schema;
  const errors: (FieldError | undefined)[] = [rangeError(schema, value, { place, what: 'Checked' })];
  if (multipleOf !== undefined) {
    errors.push(rangeError(schema, multipleOf, { place, what: 'MultipleOf' }), multipleError(value, multipleOf, place));
  }
  if (minimum !== undefined) {
    errors.push(rangeError(schema, minimum, { place, what: 'Minimum boundary' }), minimumError(schema, value, place));
  }
  if (maximum !== undefined) {
    errors.push(rangeError(schema, maximum, { place, what: 'Maximum boundary' }), maximumError(schema, value, place));
  }
  return errors.filter((error) => error !== undefined);
}

/** The number does not fit into the type and format of the schema. */
function rangeError(
  schema: StructuralSchema,
  value: Numeric,
  { place, what }: { readonly place: Place; readonly what: string },
): FieldError | undefined {
  const type = schema['x-kubernetes-int-or-string'] === true ? undefined : schema.type;
  const format = formatOf(schema);
  if (type === 'integer') {
    const fits = isInteger(value) && (format !== 'int32' || (value >= -MAX_INT32 - 1 && value <= MAX_INT32));
    if (fits) return undefined;
  } else if (type !== 'number' || format !== 'float' || Math.abs(Number(value)) <= MAX_FLOAT32) {
    return undefined;
  }
  return wrongNumber(
    place,
    `${what} value must be of type ${type} ${format === '' ? '(default format)' : `with format ${format}`}`,
  );
}

function multipleError(value: Numeric, factor: number, place: Place): FieldError | undefined {
  const shown = isInteger(value) ? Math.trunc(factor) : factor;
  if (shown <= 0) return refused(place, value, `factor MultipleOf declared for ${place.path} must be positive: ${shown}`);
  if (isMultiple(value, shown)) return undefined;
  return wrong(place, value, `should be a multiple of ${goNumber(shown)}`);
}

function isMultiple(value: Numeric, factor: number): boolean {
  if (typeof value === 'bigint') return value % BigInt(factor) === 0n;
  if (isInteger(value)) return value % factor === 0;
  return isNearInteger(factor < 1 ? (1 / factor) * value : value / factor);
}

const EPSILON = 1e-9;

/** Fractions are not exact: what is as good as an integer is one. */
function isNearInteger(value: number): boolean {
  if (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER) return false;
  const whole = Math.trunc(value);
  return value === whole || Math.abs(value - whole) / (Math.abs(value) + Math.abs(whole)) < EPSILON;
}

function minimumError(schema: StructuralSchema, value: Numeric, place: Place): FieldError | undefined {
  const bound = boundFor(value, schema.minimum ?? 0);
  const isExclusive = schema.exclusiveMinimum === true;
  if (isExclusive ? value > bound : value >= bound) return undefined;
  return wrong(place, value, `should be greater than ${isExclusive ? '' : 'or equal to '}${goNumber(bound)}`);
}

function maximumError(schema: StructuralSchema, value: Numeric, place: Place): FieldError | undefined {
  const bound = boundFor(value, schema.maximum ?? 0);
  const isExclusive = schema.exclusiveMaximum === true;
  if (isExclusive ? value < bound : value <= bound) return undefined;
  return wrong(place, value, `should be less than ${isExclusive ? '' : 'or equal to '}${goNumber(bound)}`);
}

/** Integers are compared with integers. */
function boundFor(value: Numeric, bound: Numeric): Numeric {
  return typeof bound === 'number' && isInteger(value) ? Math.trunc(bound) : bound;
}

/** A number as Go's `%v` writes it. */
function goNumber(value: Numeric): string {
  if (typeof value === 'bigint' || value === 0 || (Math.abs(value) >= 1e-4 && Math.abs(value) < 1e21)) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}
