import { planOf, type ValuePlan } from '../../decode/plan.ts';
import type { Random } from './random.ts';

const MAX_DEPTH = 7;
/** How often a value is none of what the schema asks for. */
const NOISE = 0.01;

const STRINGS = [
  'a',
  'web-0',
  '',
  'default',
  'Always',
  '80',
  '10Gi',
  '1e400',
  '-1',
  '9007199254740993',
  '10.96.0.1',
  '::1',
  '2026-01-01T00:00:00Z',
  '0000-99-99T99:99:99Z',
  '*/5 * * * *',
  '__proto__',
  'constructor',
  'a/b',
  '../..',
  '%00',
  '\u0000',
  '\ud800',
  'ünïcödé',
  '(a+)+$',
  '[',
  'x'.repeat(300),
] as const;
const NUMBERS = [0, 1, -1, 80, 65_536, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e308, 0.5, -0] as const;
/** Those that go through the first check, to get to the next. */
const NAMES = [
  'a',
  'web-0',
  'default',
  '80',
  '50%',
  'Always',
  'TCP',
  'ClusterIP',
  '10.0.0.1',
  '10.0.0.0/8',
  '/',
  'v1',
  'Exists',
  'a.b/c',
] as const;
const TIMES = ['2026-01-01T00:00:00Z', '1970-01-01T00:00:00.000001Z', '9999-12-31T23:59:59+14:00', null] as const;
const QUANTITIES = ['1', '10Gi', '500m', '-1', 1, '0', '1e3', '999999999999999999999Ei', '0.0000000001'] as const;
const INTEGERS = [0, 1, -1, 80, 65_536, 2_147_483_647] as const;
const KEYS = [
  'a',
  'app.kubernetes.io/name',
  '',
  '__proto__',
  'constructor',
  'toString',
  'a b',
  'x'.repeat(70),
  '/',
  'a/b/c',
] as const;

/** A value of a definition's shape, or nearly. */
export function objectOf(random: Random, definition: string, depth = 0): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  const density = depth === 0 ? 0.8 : 0.4;
  for (const [name, { value }] of planOf(definition).fields) {
    if (random.chance(density)) object[name] = valueOf(random, value, depth + 1);
  }
  if (random.chance(NOISE)) define(object, random.pick(KEYS), anything(random, depth + 1));
  return object;
}

/** Any JSON value. */
export function anything(random: Random, depth = 0): unknown {
  switch (random.below(depth > MAX_DEPTH ? 4 : 6)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.pick(NUMBERS);
    case 3:
      return random.pick(STRINGS);
    case 4:
      return random.times(4, () => anything(random, depth + 1));
    default: {
      const object: Record<string, unknown> = {};
      for (let left = random.below(4); left > 0; left -= 1) define(object, random.pick(KEYS), anything(random, depth + 1));
      return object;
    }
  }
}

export function textOf(random: Random): string {
  return random.pick(STRINGS);
}

function valueOf(random: Random, plan: ValuePlan, depth: number): unknown {
  if (random.chance(NOISE)) return anything(random, depth);
  switch (plan.type) {
    case 'string':
      return plan.bytes ? 'YQ==' : random.pick(random.chance(0.7) ? NAMES : STRINGS);
    case 'time':
    case 'microTime':
      return random.pick(TIMES);
    case 'quantity':
      return random.pick(QUANTITIES);
    case 'integer':
    case 'number':
      return random.chance(0.98) ? random.pick(INTEGERS) : random.pick(NUMBERS);
    case 'boolean':
      return random.chance(0.5);
    case 'intOrString':
      return random.chance(0.5) ? random.pick(NAMES) : random.pick(INTEGERS);
    case 'object':
      return depth > MAX_DEPTH ? {} : objectOf(random, plan.name, depth);
    case 'array':
      return depth > MAX_DEPTH ? [] : random.times(3, () => valueOf(random, plan.items, depth + 1));
    case 'map':
      return mapOf(random, plan.items, depth);
    case 'any':
    case 'schemaOr':
      return anything(random, depth);
  }
}

function mapOf(random: Random, items: ValuePlan, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (let left = random.below(3); left > 0; left -= 1) define(map, random.pick(KEYS), valueOf(random, items, depth + 1));
  return map;
}

/** As JSON has it: `__proto__` is a key like any other. */
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
