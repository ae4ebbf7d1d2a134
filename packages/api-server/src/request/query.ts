type QueryValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Hot path: names and values; most queries have nothing in them that is encoded. */
function pairsOf(text: string): Iterable<[name: string, value: string]> {
  if (ENCODED.test(text)) return new URLSearchParams(text);
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      return at < 0 ? [part, ''] : [part.slice(0, at), part.slice(at + 1)];
    });
}

/** What is decoded: escapes, spaces, and characters that are not of ASCII. */
const ENCODED = /[%+]|[^\0-\x7f]/;

/** The query of a request. */
export class Query {
  static readonly EMPTY = new Query(new Map());
  readonly #values: ReadonlyMap<string, readonly string[]>;
  readonly #text: string | undefined;

  /** `text` is what the values were read from. */
  constructor(values: ReadonlyMap<string, readonly string[]>, text?: string) {
    this.#values = values;
    this.#text = text;
  }

  /** From what stands behind the question mark. */
  static parse(text: string): Query {
    if (text === '') return Query.EMPTY;
    const values = new Map<string, string[]>();
    for (const [name, value] of pairsOf(text)) {
      const known = values.get(name);
      if (known) known.push(value);
      else values.set(name, [value]);
    }
    return new Query(values, text);
  }

  static of(given: QueryValues | undefined): Query {
    if (!given) return Query.EMPTY;
    const values = new Map<string, readonly string[]>();
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      values.set(name, typeof value === 'object' ? value : [String(value)]);
    }
    return new Query(values);
  }

  /** The first value; undefined if there is none or it is empty. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0] || undefined;
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** `1` and `true` are true, as for Go. */
  flag(name: string): boolean {
    const value = this.#values.get(name)?.[0];
    return value !== undefined && value !== '0' && value.toLowerCase() !== 'false' && value !== 'f';
  }

  /** As it was sent, with its question mark; empty if there is none. */
  get search(): string {
    const text =
      this.#text ?? new URLSearchParams([...this.#values].flatMap(([name, all]) => all.map((value) => [name, value]))).toString();
    return text === '' ? '' : `?${text}`;
  }

  entries(): IterableIterator<[string, readonly string[]]> {
    return this.#values.entries();
  }
}
