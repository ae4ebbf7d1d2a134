import { opaque } from '../types/cel-type.ts';
import { EvaluationFailure } from '../values/failure.ts';
import type { CelOpaque } from '../values/value.ts';
import { overload, type Overload } from './overload.ts';

const TYPE = opaque('kubernetes.Semver');
const NUMBER = '0|[1-9]\\d*';
const SHAPE = new RegExp(
  `^(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-((?:${NUMBER}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:${NUMBER}|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
);

class SemverValue implements CelOpaque {
  readonly kind = 'opaque';
  readonly type = TYPE;
  readonly numbers: readonly bigint[];
  readonly pre: readonly string[];

  constructor(numbers: readonly bigint[], pre: readonly string[]) {
    this.numbers = numbers;
    this.pre = pre;
  }

  equals(other: CelOpaque): boolean {
    return other instanceof SemverValue && compare(this, other) === 0;
  }
}

/** Kubernetes' semantic versions. With `true`, a leading `v`, missing parts and leading zeros are put right before. */
export function semverFunctions(): Overload[] {
  const S = TYPE.name;
  const number = (id: string, name: string, index: number) =>
    overload(id, `${S}.${name}() int`, ({ numbers }: SemverValue) => numbers[index] ?? 0n);
  return [
    overload('string_to_semver', `semver(string) ${S}`, (text: string) => semverOf(text)),
    overload('string_bool_to_semver', `semver(string,bool) ${S}`, (text: string, lenient: boolean) =>
      semverOf(lenient ? normalize(text) : text),
    ),
    overload('is_semver_string', 'isSemver(string) bool', (text: string) => parse(text) !== undefined),
    overload('is_semver_string_bool', 'isSemver(string,bool) bool', (text: string, lenient: boolean) => {
      return parse(lenient ? normalize(text) : text) !== undefined;
    }),
    number('semver_major', 'major', 0),
    number('semver_minor', 'minor', 1),
    number('semver_patch', 'patch', 2),
    overload('semver_is_greater_than', `${S}.isGreaterThan(${S}) bool`, (a: SemverValue, b: SemverValue) => compare(a, b) > 0),
    overload('semver_is_less_than', `${S}.isLessThan(${S}) bool`, (a: SemverValue, b: SemverValue) => compare(a, b) < 0),
    overload('semver_compare_to', `${S}.compareTo(${S}) int`, (a: SemverValue, b: SemverValue) => BigInt(compare(a, b))),
  ];
}

function parse(text: string): SemverValue | undefined {
  const parts = SHAPE.exec(text);
  if (!parts) return undefined;
  return new SemverValue(parts.slice(1, 4).map(BigInt), parts[4]?.split('.') ?? []);
}

function semverOf(text: string): SemverValue {
  const version = parse(text);
  if (!version) throw new EvaluationFailure(`semver parse error during conversion from string: ${JSON.stringify(text)}`);
  return version;
}

function normalize(text: string): string {
  const [, core = '', rest = ''] = /^v?([^-+]*)(.*)$/.exec(text) ?? [];
  const numbers = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (numbers.length < 3) numbers.push('0');
  return numbers.join('.') + rest;
}

function compare(one: SemverValue, other: SemverValue): number {
  for (const [index, number] of one.numbers.entries()) {
    const difference = number - (other.numbers[index] ?? 0n);
    if (difference !== 0n) return difference < 0n ? -1 : 1;
  }
  // A version without a pre-release comes after those with one.
  if (one.pre.length === 0 || other.pre.length === 0) return Math.sign(other.pre.length - one.pre.length);
  for (const [index, identifier] of one.pre.entries()) {
    const theirs = other.pre[index];
    if (theirs === undefined) return 1;
    const order = compareIdentifiers(identifier, theirs);
    if (order !== 0) return order;
  }
  return one.pre.length === other.pre.length ? 0 : -1;
}

function compareIdentifiers(one: string, other: string): number {
  const [left, right] = [/^\d+$/.test(one), /^\d+$/.test(other)];
  if (left && right) return BigInt(one) === BigInt(other) ? 0 : BigInt(one) < BigInt(other) ? -1 : 1;
  if (left !== right) return left ? -1 : 1;
  return one === other ? 0 : one < other ? -1 : 1;
}
