import { errorMessage, KeelsonError } from '@keelson/base';

/** How deep JSON may nest; deeper text is refused, as Kubernetes does. */
const MAX_DEPTH = 10_000;
/** How many duplicate keys are reported before the rest is left out. */
const MAX_DUPLICATES = 100;

/** A number of so many digits, or what looks like one in a string; digits in the middle of a word do not count. */
const LONG_DIGITS = /(?:^|[:,[\s])-?\d{16}/;
const INTEGER = /^-?\d+$/;

/** The parts of the "JSON.parse source text access" proposal that the standard library's types do not have yet. */
interface SourceTextJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}
const sourceTextJson = JSON as unknown as SourceTextJson;

/**
 * Parses JSON without losing integers: one beyond 2^53 becomes a `bigint`, every other number stays a `number`. A key `__proto__`
 * becomes an ordinary property. Throws `BadRequest` for malformed text.
 */
export function parseJson(text: string): unknown {
  try {
    if (!LONG_DIGITS.test(text)) return JSON.parse(text);
    return sourceTextJson.parse(text, reviveInteger);
  } catch (error) {
    throw new KeelsonError('BadRequest', `Cannot parse JSON: ${errorMessage(error)}`, { cause: error });
  }
}

function reviveInteger(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined) return value;
  return INTEGER.test(source) ? BigInt(source) : value;
}

/** Writes JSON; a `bigint` becomes a bare number. The counterpart of `parseJson`. */
export function stringifyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_key, item: unknown) =>
      typeof item === 'bigint' ? sourceTextJson.rawJSON(String(item)) : item,
    );
  }
}

/** What `parseJsonStrict` found: the value, in which the last of equal keys wins, and the paths of the keys given more than once. */
export interface StrictJson {
  readonly value: unknown;
  /** Go-style paths such as `spec.containers[0].image`, each once, in the order of the text; at most 100. */
  readonly duplicates: readonly string[];
}

/**
 * As `parseJson`, and also finds duplicate keys. Throws `BadRequest` for text that nests deeper than 10,000 levels; it never runs out
 * of stack.
 */
export function parseJsonStrict(text: string): StrictJson {
  const keysInText = countKeys(text);
  const value = parseJson(text);
  // What was given twice is there once.
  const duplicates = keysInText === keysIn(value) ? [] : new DuplicateKeyScanner(text).scan();
  return { value, duplicates };
}

/** Hot path: how many keys a text has, each of which is before a colon. It takes the text to be well-formed. */
function countKeys(text: string): number {
  let keys = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === COLON) keys += 1;
    else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth -= 1;
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      depth += 1;
      if (depth > MAX_DEPTH) throw tooDeep();
    }
  }
  return keys;
}

/** How many keys all objects in a value have. Without recursion, since it may be deep. */
function keysIn(value: unknown): number {
  let keys = 0;
  const waiting: unknown[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Array.isArray(next)) {
      for (const item of next) if (isParsedObject(item)) waiting.push(item);
    } else if (isParsedObject(next)) {
      for (const key in next) {
        keys += 1;
        if (isParsedObject(next[key])) waiting.push(next[key]);
      }
    }
  }
  return keys;
}

function isParsedObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The place of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first -= 1;
  return (at - first) % 2 === 1;
}

function tooDeep(): KeelsonError {
  return new KeelsonError('BadRequest', `Cannot parse JSON: exceeded max depth of ${MAX_DEPTH}`);
}

interface Level {
  /** Keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined;
  key: string;
  index: number;
}

/** Walks over JSON text without recursion. It takes the text to be well-formed: the parser after it says if it is not. */
class DuplicateKeyScanner {
  readonly #text: string;
  readonly #levels: Level[] = [];
  readonly #found = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  scan(): readonly string[] {
    const text = this.#text;
    let expectsKey = false;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) {
        const end = endOfString(text, at);
        if (expectsKey) this.#enterKey(text.slice(at, end + 1));
        expectsKey = false;
        at = end;
      } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
        expectsKey = code === OPEN_OBJECT;
        this.#open(expectsKey ? new Set() : undefined);
      } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
        this.#levels.pop();
        expectsKey = false;
      } else if (code === COMMA) {
        expectsKey = this.#next();
      }
    }
    return [...this.#found];
  }

  #open(keys: Set<string> | undefined): void {
    if (this.#levels.length >= MAX_DEPTH) throw tooDeep();
    this.#levels.push({ keys, key: '', index: 0 });
  }

  /** Moves past a comma; true if a key must follow. */
  #next(): boolean {
    const level = this.#levels.at(-1);
    if (level === undefined) return false;
    level.index += 1;
    return level.keys !== undefined;
  }

  #enterKey(literal: string): void {
    const level = this.#levels.at(-1);
    if (level?.keys === undefined) return;
    level.key = literal.includes('\\') ? unescapeKey(literal) : literal.slice(1, -1);
    if (!level.keys.has(level.key)) level.keys.add(level.key);
    else if (this.#found.size < MAX_DUPLICATES) this.#found.add(this.#path());
  }

  #path(): string {
    let path = '';
    for (const level of this.#levels) {
      if (level.keys === undefined) path += `[${level.index}]`;
      else path += path === '' ? level.key : `.${level.key}`;
    }
    return path;
  }
}

function unescapeKey(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal; // Malformed: the parser reports it.
  }
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
