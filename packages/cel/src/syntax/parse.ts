import { TreeBuilder } from './build-tree.ts';
import type { Expression } from './expression.ts';
import { library } from './library.ts';
import { takeOptionalMarkers } from './optional-markers.ts';
import { SyntaxFailure } from './source-error.ts';

const MAX_CODE_POINTS = 100_000;
const LOCATION = /^<input>:\d+:\d+: /;

/** Parses an expression and expands its macros. Throws `SyntaxFailure`. */
export function parseExpression(text: string): Expression {
  if (text.length > MAX_CODE_POINTS) {
    const size = Array.from(text).length;
    if (size > MAX_CODE_POINTS) {
      throw new SyntaxFailure(0, `expression code point size exceeds limit: size: ${size}, limit ${MAX_CODE_POINTS}`);
    }
  }
  const marked = takeOptionalMarkers(text);
  return new TreeBuilder(marked).build(parseMarked(marked.text));
}

function parseMarked(text: string) {
  const { parse } = library();
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxFailure(0, 'expression recursion limit exceeded: 250');
    if (!(error instanceof Error)) throw error;
    const { location } = error as Error & { location?: { start?: { offset?: number } } };
    const detail = error.message.replace(LOCATION, '');
    throw new SyntaxFailure(location?.start?.offset ?? 0, `Syntax error: ${detail}`);
  }
}
