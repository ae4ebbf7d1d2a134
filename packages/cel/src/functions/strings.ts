import { EvaluationFailure } from '../values/failure.ts';
import { ArrayList, itemsOf } from '../values/lists.ts';
import { stringSize } from '../values/size.ts';
import type { CelList, CelValue } from '../values/value.ts';
import { libraryFunction } from './library-call.ts';
import { overload, type Overload } from './overload.ts';
import { regularExpression } from './regular-expression.ts';

/** White space, as Unicode has it. */
const SPACE = '[\\p{White_Space}]+';
const TRIM = new RegExp(`^${SPACE}|${SPACE}$`, 'gu');
const UPPER = /[A-Z]+/g;
const LOWER = /[a-z]+/g;

/**
 * What CEL itself has for strings, and the extension library of strings. All but `format` and `quote` are ours: the library's are
 * not linear in the length of the text, which costs are.
 */
export function stringFunctions(): Overload[] {
  return [
    overload('contains_string', 'string.contains(string) bool', (text: string, part: string) => text.includes(part)),
    overload('starts_with_string', 'string.startsWith(string) bool', (text: string, part: string) => text.startsWith(part)),
    overload('ends_with_string', 'string.endsWith(string) bool', (text: string, part: string) => text.endsWith(part)),
    overload('matches', 'matches(string,string) bool', matches),
    overload('matches_string', 'string.matches(string) bool', matches),
    overload('string_char_at_int', 'string.charAt(int) string', charAt),
    overload('string_index_of_string', 'string.indexOf(string) int', (text: string, part: string) => indexOf(text, part, 0n)),
    overload('string_index_of_string_int', 'string.indexOf(string,int) int', indexOf),
    overload('string_last_index_of_string', 'string.lastIndexOf(string) int', lastIndexOf),
    overload('string_last_index_of_string_int', 'string.lastIndexOf(string,int) int', lastIndexOf),
    overload('string_lower_ascii', 'string.lowerAscii() string', (text: string) =>
      text.replace(UPPER, (part) => part.toLowerCase()),
    ),
    overload('string_upper_ascii', 'string.upperAscii() string', (text: string) =>
      text.replace(LOWER, (part) => part.toUpperCase()),
    ),
    overload('string_replace_string_string', 'string.replace(string,string) string', (text: string, part: string, by: string) =>
      text.replaceAll(part === '' ? /(?:)/gu : part, () => by),
    ),
    overload('string_replace_string_string_int', 'string.replace(string,string,int) string', replaceSome),
    overload('string_split_string', 'string.split(string) list(string)', (text: string, by: string) => splitSome(text, by, -1n)),
    overload('string_split_string_int', 'string.split(string,int) list(string)', splitSome),
    overload('string_substring_int', 'string.substring(int) string', (text: string, from: bigint) => substring(text, from)),
    overload('string_substring_int_int', 'string.substring(int,int) string', substring),
    overload('string_trim', 'string.trim() string', (text: string) => text.replace(TRIM, '')),
    overload('list_join', 'list(string).join() string', (list: CelList) => join(list, '')),
    overload('list_join_string', 'list(string).join(string) string', join),
    overload('string_format', 'string.format(list(dyn)) string', libraryFunction('a.format(b)')),
    overload('strings_quote', 'quote(string) string', libraryFunction('strings.quote(a)'), 'strings.quote'),
  ];
}

function matches(text: string, pattern: string): boolean {
  return regularExpression(pattern).test(text);
}

/** A text by characters, which for most texts are what JavaScript counts anyway. */
function characters(text: string): string | readonly string[] {
  return stringSize(text) === text.length ? text : Array.from(text);
}

function checkIndex(index: bigint, size: number): number {
  if (index < 0n || index > BigInt(size)) throw new EvaluationFailure(`index out of range: ${index}`);
  return Number(index);
}

function charAt(text: string, index: bigint): string {
  const chars = characters(text);
  return chars[checkIndex(index, chars.length)] ?? '';
}

function substring(text: string, from: bigint, to?: bigint): string {
  const chars = characters(text);
  const end = to === undefined ? chars.length : checkIndex(to, chars.length);
  const start = checkIndex(from, chars.length);
  if (start > end) throw new EvaluationFailure(`invalid substring range. start: ${start}, end: ${end}`);
  return typeof chars === 'string' ? chars.slice(start, end) : chars.slice(start, end).join('');
}

/** Counts characters up to an offset of JavaScript's. */
function characterIndex(text: string, offset: number): bigint {
  return BigInt(offset < 0 ? offset : stringSize(text.slice(0, offset)));
}

function offsetOf(text: string, index: number): number {
  const chars = characters(text);
  return typeof chars === 'string' ? index : chars.slice(0, index).join('').length;
}

function indexOf(text: string, part: string, from: bigint): bigint {
  if (part === '') return from;
  const start = checkIndex(from, stringSize(text));
  return characterIndex(text, text.indexOf(part, offsetOf(text, start)));
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  if (part === '') return from ?? BigInt(stringSize(text));
  const last = from === undefined ? text.length : offsetOf(text, checkIndex(from, stringSize(text)));
  return characterIndex(text, text.lastIndexOf(part, last));
}

function replaceSome(text: string, part: string, by: string, limit: bigint): string {
  let left = limit < 0n ? Infinity : Number(limit);
  const replaced = () => (left-- > 0 ? by : part);
  return text.replaceAll(part === '' ? /(?:)/gu : part, replaced);
}

function splitSome(text: string, by: string, limit: bigint): CelValue {
  if (limit === 0n) return ArrayList.EMPTY;
  const parts = by === '' ? Array.from(text) : text.split(by);
  if (limit < 0n || BigInt(parts.length) <= limit) return new ArrayList(parts);
  const kept = Number(limit) - 1;
  return new ArrayList([...parts.slice(0, kept), parts.slice(kept).join(by)]);
}

function join(list: CelList, separator: string): string {
  return itemsOf(list)
    .map((item) => {
      if (typeof item !== 'string') throw new EvaluationFailure('no such overload');
      return item;
    })
    .join(separator);
}
