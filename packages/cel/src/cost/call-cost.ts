import type { Overload } from '../functions/overload.ts';
import { unusualCost } from '../functions/regular-expression.ts';
import { EvaluationFailure } from '../values/failure.ts';
import { itemsOf } from '../values/lists.ts';
import { sizeOf } from '../values/size.ts';
import type { CelValue } from '../values/value.ts';

/** What looking at one character costs. */
export const PER_CHARACTER = 0.1;
/** What one character of a regular expression costs, for each unit of text. */
export const PER_PATTERN_CHARACTER = 0.25;
/** What a question to an authorizer costs: two of them are all that an expression can afford. */
export const ACCESS_CHECK = 350_000;
/** No function makes a text longer than this. */
const MAX_TEXT = 16 * 1024 * 1024;

/** The cost of a call by its arguments. May throw `EvaluationFailure` if the call would make too much. */
export type CallCost = (args: readonly CelValue[]) => number;

function size(args: readonly CelValue[], index: number): number {
  return sizeOf(args[index] ?? null);
}

function traversal(characters: number): number {
  return Math.ceil(characters * PER_CHARACTER);
}

const traverse: CallCost = (args) => traversal(size(args, 0));
const traverseTwice: CallCost = (args) => traversal(2 * size(args, 0));
const regularExpression: CallCost = (args) => {
  const [text, pattern] = [size(args, 0), args[1]];
  const usual = traversal(1 + text) * Math.ceil(size(args, 1) * PER_PATTERN_CHARACTER);
  return usual + (typeof pattern === 'string' ? unusualCost(pattern, text) : 0);
};
const smaller: CallCost = (args) => traversal(Math.min(size(args, 0), size(args, 1)));
const product: CallCost = (args) => size(args, 0) * size(args, 1);

const listCost: CallCost = ([list = null]) => {
  if (list === null || typeof list !== 'object' || !('kind' in list) || list.kind !== 'list') return traversal(sizeOf(list));
  return itemsOf(list).reduce<number>((sum, item) => sum + (typeof item === 'string' ? 1 + traversal(sizeOf(item)) : 1), 0);
};

const join: CallCost = (args) => {
  const [list = null, separator = ''] = args;
  const items = list !== null && typeof list === 'object' && 'kind' in list && list.kind === 'list' ? itemsOf(list) : [];
  const length = items.reduce<number>((sum, item) => sum + sizeOf(item), 0) + Math.max(0, items.length - 1) * sizeOf(separator);
  return traversal(2 * bounded(length));
};

const replace: CallCost = (args) => {
  const [text, part, by] = [size(args, 0), size(args, 1), size(args, 2)];
  if (by > part) bounded((text / Math.max(1, part) + 1) * by);
  return traversal(2 * text);
};

const format: CallCost = (args) => {
  const [, list = null] = args;
  const items = list !== null && typeof list === 'object' && 'kind' in list && list.kind === 'list' ? itemsOf(list) : [];
  const length = bounded(items.reduce<number>((sum, item) => sum + (typeof item === 'string' ? sizeOf(item) : 1), 0));
  // Unlike upstream, what goes into the text is charged for too: it can be far longer than the format.
  return traverse(args) + traversal(length);
};

function bounded(length: number): number {
  if (length > MAX_TEXT) throw new EvaluationFailure('result is too long');
  return length;
}

const contains: CallCost = (args) => traversal(size(args, 0)) * traversal(size(args, 1));

const containsAddress: CallCost = (args) =>
  traversal(2 * size(args, 0)) + (typeof args[1] === 'string' ? traversal(size(args, 1)) : 0);

const BY_NAME: Readonly<Record<string, number | CallCost>> = {
  check: ACCESS_CHECK,
  isSorted: listCost,
  sum: listCost,
  max: listCost,
  min: listCost,
  indexOf: listCost,
  lastIndexOf: listCost,
  url: traverse,
  lowerAscii: traverse,
  upperAscii: traverse,
  substring: traverse,
  trim: traverse,
  replace,
  split: traverseTwice,
  join,
  find: regularExpression,
  findAll: regularExpression,
  matches: regularExpression,
  cidr: traverse,
  isIP: traverse,
  isCIDR: traverse,
  ip: traverse,
  'ip.isCanonical': traverseTwice,
  containsIP: containsAddress,
  containsCIDR: (args) => containsAddress(args) + traversal(size(args, 0)) + 1,
  quantity: traverse,
  isQuantity: traverse,
  semver: traverse,
  isSemver: traverse,
  validate: (args) => traversal(size(args, 1)),
  'jsonpatch.escapeKey': traverse,
  startsWith: traverse,
  endsWith: traverse,
  'strings.quote': traverse,
  format,
  contains,
  '_==_': smaller,
  '_!=_': smaller,
  'sets.contains': product,
  'sets.intersects': product,
  'sets.equivalent': (args) => 2 * product(args),
};

const BY_ID: Readonly<Record<string, number | CallCost>> = {
  cidr_ip: 1,
  in_list: (args) => size(args, 1),
  string_to_bytes: traverse,
  bytes_to_string: traverse,
  add_string: (args) => traversal(size(args, 0) + size(args, 1)),
  add_bytes: (args) => traversal(size(args, 0) + size(args, 1)),
};

/** What a call of this costs while an expression runs: a number if it is always the same. */
export function callCost({ id, name }: Overload): number | CallCost {
  const special = BY_ID[id] ?? BY_NAME[name];
  if (special !== undefined) return special;
  const comparesText = /^(less|greater)(_equals)?_(string|bytes)$/.test(id);
  return comparesText ? smaller : 1;
}
