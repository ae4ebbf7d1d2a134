import type { Overload } from '../functions/overload.ts';
import type { Expression } from '../syntax/expression.ts';
import type { CelType } from '../types/cel-type.ts';
import { ACCESS_CHECK, PER_CHARACTER, PER_PATTERN_CHARACTER } from './call-cost.ts';
import { add, either, exactly, MOST, multiply, ONE, scale, UNKNOWN, ZERO, type Range } from './range.ts';

/** An argument, and what is known of its size and of the sizes of its elements. */
export interface SizedArgument {
  readonly node: Expression;
  readonly type: CelType;
  readonly size: Range;
  readonly elementSize: Range;
}

interface CallToEstimate {
  readonly overload: Overload;
  readonly target: SizedArgument | undefined;
  readonly args: readonly SizedArgument[];
  /** What the arguments themselves cost. */
  readonly costs: readonly Range[];
}

export interface CallEstimate {
  readonly cost: Range;
  /** Of the result, if it is known. */
  readonly size?: Range;
}

/** What a call costs, its arguments included (what it is called on is not), and how large its result is. */
export function estimateCall(call: CallToEstimate): CallEstimate {
  const { overload, costs } = call;
  const arguments_ = add(...costs);
  const own = estimateKubernetes(call) ?? estimateStandard(call);
  if (own) return { ...own, cost: add(own.cost, arguments_) };
  const [one = ZERO, other = ZERO, third = ZERO] = costs;
  if (overload.id === 'logical_and' || overload.id === 'logical_or') return { cost: { min: one.min, max: add(one, other).max } };
  if (overload.id === 'conditional') {
    const [, yes, no] = call.args;
    const size = either(yes?.size ?? UNKNOWN, no?.size ?? UNKNOWN);
    return { cost: add(one, either(other, third)), size };
  }
  return { cost: add(ONE, arguments_) };
}

function traversal(size: Range, times = 1): Range {
  return scale(size, times * PER_CHARACTER);
}

const TRAVERSES_ARGUMENT = new Set([
  'url',
  'cidr',
  'isIP',
  'isCIDR',
  'quantity',
  'isQuantity',
  'semver',
  'isSemver',
  'jsonpatch.escapeKey',
]);
/** The length of the longest regular expression behind a named format. */
const NAME_FORMAT_PATTERN = 128;
const TRAVERSES_LIST = new Set(['isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf']);

/** Functions of Kubernetes, and of strings as Kubernetes charges for them. */
function estimateKubernetes(call: CallToEstimate): CallEstimate | undefined {
  const { overload, target, args } = call;
  const [first] = args;
  const { name } = overload;
  if (name === 'check') return { cost: exactly(ACCESS_CHECK) };
  if (TRAVERSES_LIST.has(name) && target) return { cost: listTraversal(target) };
  if (TRAVERSES_ARGUMENT.has(name) && first) return { cost: traversal(first.size) };
  if (name === 'ip' && first) return { cost: traversal(first.size) };
  if (name === 'ip.isCanonical' && first) return { cost: traversal(first.size, 2) };
  if (name === 'validate' && first) return { cost: scale(traversal(first.size), NAME_FORMAT_PATTERN * PER_PATTERN_CHARACTER) };
  if (name === 'containsIP' || name === 'containsCIDR') return { cost: addressComparison(overload, first) };
  if (name.startsWith('sets.') && first && args[1]) {
    const both = multiply(first.size, args[1].size);
    return { cost: name === 'sets.equivalent' ? add(both, both) : both };
  }
  return target && estimateText(call, target);
}

function listTraversal(target: SizedArgument): Range {
  if (target.type.kind !== 'list') return traversal(target.size);
  const kind = target.type.parameters[0]?.kind;
  const hasText = kind === 'string' || kind === 'bytes';
  return multiply(target.size, hasText ? add(ONE, traversal(target.elementSize)) : ONE);
}

function addressComparison({ id, name }: Overload, other: SizedArgument | undefined): Range {
  const bytes = { min: 4, max: 16 };
  const comparison = traversal(add(bytes, bytes));
  const parsing = id.endsWith('_string') && other ? traversal(other.size) : ZERO;
  return name === 'containsIP' ? add(comparison, parsing) : add(comparison, parsing, traversal(bytes), ONE);
}

function estimateText({ overload: { name }, args }: CallToEstimate, target: SizedArgument): CallEstimate | undefined {
  const [first, second] = args;
  const { size } = target;
  switch (name) {
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return { cost: traversal(size), size };
    case 'replace':
      if (!first || !second) return undefined;
      return { cost: traversal(size, 2), size: replacedSize(size, first.size, second.size) };
    case 'split':
      return { cost: traversal(size, 2), size: { min: 0, max: size.max } };
    case 'join': {
      const joined = joinedSize(target, first);
      return { cost: traversal(joined), size: joined };
    }
    case 'find':
    case 'findAll':
      return first && { cost: matching(size, first.size), size: { min: 0, max: size.max } };
    default:
      return undefined;
  }
}

function matching(text: Range, pattern: Range): Range {
  return multiply(traversal(add(text, ONE)), scale(pattern, PER_PATTERN_CHARACTER));
}

/** Parts of a text give way to others: at most as often, and as long, as sizes allow; at least the same the other way round. */
function replacedSize(size: Range, part: Range, by: Range): Range {
  return {
    max: replacedLimit(size.max, { part: part.min, by: by.max, isKept: by.max <= part.min }),
    min: replacedLimit(size.min, { part: part.max, by: by.min, isKept: part.max <= by.min }),
  };
}

function replacedLimit(size: number, { part, by, isKept }: { part: number; by: number; isKept: boolean }): number {
  // An empty part is found around each character.
  if (part === 0) return Math.min(MOST, (size + 1) * by + size);
  return isKept ? size : Math.min(MOST, Math.ceil(size / part) * by);
}

function joinedSize(list: SizedArgument, separator: SizedArgument | undefined): Range {
  const items = multiply(list.size, list.elementSize);
  if (!separator) return items;
  const gaps = { min: Math.max(0, list.size.min - 1), max: Math.max(0, list.size.max - 1) };
  return add(items, multiply(separator.size, gaps));
}

/** What CEL itself has. */
function estimateStandard({ overload, target, args }: CallToEstimate): CallEstimate | undefined {
  const [first, second] = args;
  const one = first?.size ?? UNKNOWN;
  const other = second?.size ?? UNKNOWN;
  switch (overload.id) {
    case 'string_format':
      return { cost: traversal(target?.size ?? UNKNOWN) };
    case 'string_to_bytes':
      return { cost: traversal(one), size: { min: one.min, max: Math.min(MOST, one.max * 4) } };
    case 'bytes_to_string':
      return { cost: traversal(one), size: { min: Math.floor(one.min / 4), max: one.max } };
    case 'strings_quote':
      return { cost: traversal(one), size: { min: one.min + 2, max: Math.min(MOST, one.max * 2 + 2) } };
    case 'starts_with_string':
    case 'ends_with_string':
      return { cost: traversal(one) };
    case 'in_list':
      return { cost: other };
    case 'matches_string':
      return { cost: matching(target?.size ?? UNKNOWN, one) };
    case 'matches':
      return { cost: matching(one, other) };
    case 'contains_string':
      return { cost: multiply(traversal(target?.size ?? UNKNOWN), traversal(one)) };
    case 'add_list':
      return { cost: ONE, size: add(one, other) };
    case 'add_string':
    case 'add_bytes':
      return { cost: traversal(add(one, other)), size: add(one, other) };
    case 'equals':
    case 'not_equals':
      return { cost: comparison(one, other) };
    default:
      return /^(less|greater)(_equals)?_(string|bytes)$/.test(overload.id) ? { cost: comparison(one, other) } : undefined;
  }
}

function comparison(one: Range, other: Range): Range {
  const max = Math.min(one.max, other.max);
  return traversal({ min: max > 0 ? 1 : 0, max });
}
