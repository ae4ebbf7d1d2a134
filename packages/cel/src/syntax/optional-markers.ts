import { SyntaxFailure } from './source-error.ts';

/** An expression without the question marks of optional syntax, and where they were. */
export interface MarkedText {
  /** As long as the text given, so that all offsets hold. */
  readonly text: string;
  /** Offsets of the dots of `.?`. */
  readonly selects: ReadonlySet<number>;
  /** By the offset of `[` or `{`: the numbers of the elements or entries that begin with `?`. */
  readonly elements: ReadonlyMap<number, ReadonlySet<number>>;
}

const MAX_NESTING = 250;
const OPENING = '([{';
const CLOSING = ')]}';
const SPACE = /\s/;

interface Bracket {
  readonly offset: number;
  readonly opening: string;
  commas: number;
}

/**
 * The parser does not know `a.?b`, `a[?b]`, `[?a]` and `{?k: v}`. A question mark that follows `.`, `[`, `{` or a comma in brackets or
 * braces can be nothing else, so it is replaced with a space and remembered. Throws if brackets nest too deep for the parser's stack.
 */
export function takeOptionalMarkers(text: string): MarkedText {
  const selects = new Set<number>();
  const elements = new Map<number, Set<number>>();
  const open: Bracket[] = [];
  const blanked: number[] = [];
  let previous = -1;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (SPACE.test(char)) continue;
    const end = skipOver(text, at);
    if (end > at) {
      if (char !== '/') previous = at;
      at = end - 1;
      continue;
    }
    if (OPENING.includes(char)) {
      if (open.push({ offset: at, opening: char, commas: 0 }) > MAX_NESTING) {
        throw new SyntaxFailure(at, `expression recursion limit exceeded: ${MAX_NESTING}`);
      }
    } else if (CLOSING.includes(char)) open.pop();
    const bracket = open.at(-1);
    if (char === ',' && bracket) bracket.commas++;
    if (char === '?' && mark(text[previous], previous, { selects, elements, bracket })) blanked.push(at);
    else previous = at;
  }
  return { text: blank(text, blanked), selects, elements };
}

interface Marks {
  readonly selects: Set<number>;
  readonly elements: Map<number, Set<number>>;
  readonly bracket: Bracket | undefined;
}

/** Whether the question mark after `previous` is one of optional syntax. */
function mark(previous: string | undefined, offset: number, { selects, elements, bracket }: Marks): boolean {
  if (previous === '.') {
    selects.add(offset);
    return true;
  }
  const begins = previous === '[' || previous === '{' || (previous === ',' && bracket?.opening !== '(');
  if (!begins || !bracket) return false;
  const known = elements.get(bracket.offset);
  if (known) known.add(bracket.commas);
  else elements.set(bracket.offset, new Set([bracket.commas]));
  return true;
}

/** The end of the string or comment that begins at `at`, or `at`. */
function skipOver(text: string, at: number): number {
  if (text.startsWith('//', at)) {
    const end = text.indexOf('\n', at);
    return end === -1 ? text.length : end;
  }
  const quote = text[at];
  if (quote !== '"' && quote !== "'") return at;
  const isRaw = /(?:^|[^A-Za-z0-9_])[bB]?[rR][bB]?$/.test(text.slice(Math.max(0, at - 3), at));
  const fence = text.startsWith(quote.repeat(3), at) ? quote.repeat(3) : quote;
  let end = at + fence.length;
  while (end < text.length && !text.startsWith(fence, end)) end += text[end] === '\\' && !isRaw ? 2 : 1;
  return Math.min(text.length, end + fence.length);
}

function blank(text: string, offsets: readonly number[]): string {
  let result = '';
  let from = 0;
  for (const offset of offsets) {
    result += `${text.slice(from, offset)} `;
    from = offset + 1;
  }
  return result + text.slice(from);
}
