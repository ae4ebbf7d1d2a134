import { RE2JS } from 're2js';
import { EvaluationFailure } from '../values/failure.ts';

const MAX_KEPT = 2_000;
const kept = new Map<string, RE2JS>();
/** What making one instruction of a program costs, and running one at one place of a text. */
const COST_OF_MAKING = 20;
const COST_OF_RUNNING = 0.2;
/** Programs of this many instructions for each character of the pattern are what costs are made for. */
const USUAL_SIZE = 4;
const ALWAYS_USUAL = 200;

/**
 * A regular expression of RE2, which takes time in proportion to the text, whatever the pattern. Compiled ones are kept, the latest 2,000
 * of them. Throws `EvaluationFailure` for a pattern that is none.
 */
export function regularExpression(pattern: string): RE2JS {
  const known = kept.get(pattern);
  if (known) return known;
  const compiled = compile(pattern);
  const [oldest] = kept.keys();
  if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  kept.set(pattern, compiled);
  return compiled;
}

/**
 * What matching costs beyond what upstream charges for it by the lengths of text and pattern: a pattern with repetitions can be a program far longer
 * than it looks, which is dear to make and to run. Throws `EvaluationFailure` for a pattern that is none.
 */
export function unusualCost(pattern: string, textLength: number): number {
  const isKept = kept.has(pattern);
  const size = regularExpression(pattern).programSize();
  const making = isKept ? 0 : size * COST_OF_MAKING;
  const isUsual = size <= Math.max(ALWAYS_USUAL, pattern.length * USUAL_SIZE);
  return making + (isUsual ? 0 : Math.ceil((textLength + 1) * size * COST_OF_RUNNING));
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new EvaluationFailure(`error parsing regexp: ${error instanceof Error ? error.message : String(error)}`);
  }
}
