import { parseQuantity, Quantity } from '@keelson/api';
import { opaque } from '../types/cel-type.ts';
import { EvaluationFailure } from '../values/failure.ts';
import type { CelOpaque } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

const TYPE = opaque('kubernetes.Quantity');
const MAX_INT = 2n ** 63n - 1n;

class QuantityValue implements CelOpaque {
  readonly kind = 'opaque';
  readonly type = TYPE;
  readonly quantity: Quantity;

  constructor(quantity: Quantity) {
    this.quantity = quantity;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof QuantityValue && this.quantity.cmp(other.quantity) === 0;
  }
}

/** Kubernetes' amounts of resources, such as `quantity("1Gi")`. */
export function quantityFunctions(): Overload[] {
  const Q = TYPE.name;
  const operation = (id: string, signature: string, compute: (one: Quantity, other: Quantity) => Quantity | boolean | bigint) =>
    overload(id, signature, ({ quantity: one }: QuantityValue, { quantity: other }: QuantityValue) => {
      const result = compute(one, other);
      return result instanceof Quantity ? new QuantityValue(result) : result;
    });
  const withInteger = (id: string, signature: string, compute: (one: Quantity, other: Quantity) => Quantity) =>
    overload(id, signature, ({ quantity }: QuantityValue, amount: bigint) => {
      return new QuantityValue(compute(quantity, parseQuantity(String(amount))));
    });
  return [
    overload('string_to_quantity', `quantity(string) ${Q}`, (text: string) => new QuantityValue(parse(text))),
    overload('is_quantity_string', 'isQuantity(string) bool', isQuantity),
    overload('quantity_sign', `${Q}.sign() int`, ({ quantity }: QuantityValue) => BigInt(quantity.sign())),
    overload('quantity_is_integer', `${Q}.isInteger() bool`, ({ quantity }: QuantityValue) => integerOf(quantity) !== undefined),
    overload('quantity_as_integer', `${Q}.asInteger() int`, ({ quantity }: QuantityValue) => {
      const value = integerOf(quantity);
      if (value === undefined) throw new EvaluationFailure('cannot convert value to integer');
      return value;
    }),
    overload('quantity_as_float', `${Q}.asApproximateFloat() double`, ({ quantity }: QuantityValue) => quantity.toNumber()),
    operation('quantity_is_greater_than', `${Q}.isGreaterThan(${Q}) bool`, (one, other) => one.cmp(other) > 0),
    operation('quantity_is_less_than', `${Q}.isLessThan(${Q}) bool`, (one, other) => one.cmp(other) < 0),
    operation('quantity_compare_to', `${Q}.compareTo(${Q}) int`, (one, other) => BigInt(one.cmp(other))),
    operation('quantity_add', `${Q}.add(${Q}) ${Q}`, (one, other) => one.add(other)),
    operation('quantity_sub', `${Q}.sub(${Q}) ${Q}`, (one, other) => one.sub(other)),
    withInteger('quantity_add_int', `${Q}.add(int) ${Q}`, (one, other) => one.add(other)),
    withInteger('quantity_sub_int', `${Q}.sub(int) ${Q}`, (one, other) => one.sub(other)),
  ];
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text);
    return true;
  } catch {
    return false;
  }
}

function parse(text: string): Quantity {
  try {
    return parseQuantity(text);
  } catch (error) {
    throw new EvaluationFailure(error instanceof Error ? error.message : String(error));
  }
}

function integerOf(quantity: Quantity): bigint | undefined {
  const value = BigInt(quantity.value());
  const isWhole = new Quantity(value * 1_000_000_000n, quantity.format).cmp(quantity) === 0;
  return isWhole && value <= MAX_INT && value >= -MAX_INT - 1n ? value : undefined;
}
