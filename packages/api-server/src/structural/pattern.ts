import { RE2JS } from 're2js';

/** Patterns that are in use, by their text: the same few are asked for again and again. */
const compiled = new Map<string, RE2JS | Error>();
const LIMIT = 2_000;
/** Longer ones take too long to compile. */
const MAX_LENGTH = 10_000;
/** Steps of matching, at worst one for each instruction of a pattern and each character of a text: about a second. */
const MAX_STEPS = 50_000_000;

/**
 * A pattern in Go's dialect, which is matched in time that grows with the length of the text times that of the pattern, and no faster. Gives an
 * error for what is no pattern.
 */
export function patternOf(text: string): RE2JS | Error {
  const known = compiled.get(text);
  if (known) return known;
  const made = compile(text);
  if (compiled.size >= LIMIT) compiled.clear();
  compiled.set(text, made);
  return made;
}

function compile(text: string): RE2JS | Error {
  if (text.length > MAX_LENGTH) return new Error(`error parsing regexp: expression is longer than ${MAX_LENGTH} characters`);
  try {
    return RE2JS.compile(text);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Whether the pattern is found somewhere in `value`. Nobody can stall the server: what would take too long is not tried. */
export function findPattern(text: string, value: string): 'found' | 'absent' | 'too costly' {
  const pattern = patternOf(text);
  if (pattern instanceof Error) return 'absent';
  if (pattern.programSize() * value.length > MAX_STEPS) return 'too costly';
  return pattern.test(value) ? 'found' : 'absent';
}
