import { RE2JS } from 're2js';
import { EvaluationFailure } from '../values/failure.ts';

const MAX_KEPT = 500;
const kept = new Map<string, RE2JS>();

/**
 * A regular expression of RE2, which takes time in proportion to the text, whatever the pattern. Compiled ones are kept, the latest 500
 * of them. Throws `EvaluationFailure` for a pattern that is none.
 */
export function regularExpression(pattern: string): RE2JS {
  const known = kept.get(pattern);
  if (known) return known;
  const compiled = compile(pattern);
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
  kept.set(pattern, compiled);
  return compiled;
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new EvaluationFailure(`error parsing regexp: ${error instanceof Error ? error.message : String(error)}`);
  }
}
