import { RE2JS } from 're2js';

/** Patterns that are in use, by their text: the same few are asked for again and again. */
const compiled = new Map<string, RE2JS | Error>();
const LIMIT = 2_000;

/**
 * A pattern in Go's dialect, which is matched in time that grows only with the length of the text: nobody can stall the server with one.
 * Gives an error for what is no pattern.
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
  try {
    return RE2JS.compile(text);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** True if the pattern is found somewhere in `value`; false if it is no pattern. */
export function patternFinds(text: string, value: string): boolean {
  const pattern = patternOf(text);
  return !(pattern instanceof Error) && pattern.test(value);
}
