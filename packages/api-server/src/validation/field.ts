import { duplicate, forbidden, invalidAsIs, invalidValue, notFound, notSupported, required, tooLong, tooMany } from './errors.ts';
import type { FieldError } from './field-error.ts';

/** Whoever sends a hundred thousand wrong items learns about the first of them. */
const MAX_ERRORS = 1_000;

/**
 * Hot path: a place in an object and the list that its errors go to. Going down costs one small object; the text of the path is only put
 * together when there is something to report.
 */
export class Field {
  readonly #errors: FieldError[];
  readonly #parent: Field | undefined;
  readonly #segment: string | number;
  readonly #kind: 'child' | 'index' | 'key';

  private constructor(
    errors: FieldError[],
    parent: Field | undefined,
    segment: string | number,
    kind: 'child' | 'index' | 'key',
  ) {
    this.#errors = errors;
    this.#parent = parent;
    this.#segment = segment;
    this.#kind = kind;
  }

  /** The object itself, or the part of it named `path`. */
  static root(errors: FieldError[], path = ''): Field {
    return new Field(errors, undefined, path, 'child');
  }

  /** Collects what `check` finds wrong with an object. */
  static collect(check: (at: Field) => void): readonly FieldError[] {
    const errors: FieldError[] = [];
    check(Field.root(errors));
    return errors;
  }

  /** The field `name` of this object. */
  child(name: string): Field {
    return new Field(this.#errors, this, name, 'child');
  }

  /** The item at `position` of this list. */
  index(position: number): Field {
    return new Field(this.#errors, this, position, 'index');
  }

  /** The entry `name` of this map. */
  key(name: string): Field {
    return new Field(this.#errors, this, name, 'key');
  }

  toString(): string {
    const before = this.#parent?.toString() ?? '';
    if (this.#kind !== 'child') return `${before}[${this.#segment}]`;
    return before === '' ? String(this.#segment) : `${before}.${this.#segment}`;
  }

  get errorCount(): number {
    return this.#errors.length;
  }

  #report(error: () => FieldError): void {
    if (this.#errors.length < MAX_ERRORS) this.#errors.push(error());
  }

  required(detail?: string): void {
    this.#report(() => required(this.toString(), detail));
  }

  invalid(value: unknown, detail?: string): void {
    this.#report(() => invalidValue(this.toString(), value, detail));
  }

  /** Without showing the value. */
  invalidAsIs(detail: string): void {
    this.#report(() => invalidAsIs(this.toString(), detail));
  }

  notSupported(value: unknown, supported: readonly string[]): void {
    this.#report(() => notSupported(this.toString(), value, supported));
  }

  duplicate(value: unknown): void {
    this.#report(() => duplicate(this.toString(), value));
  }

  forbidden(detail: string): void {
    this.#report(() => forbidden(this.toString(), detail));
  }

  notFound(value: unknown): void {
    this.#report(() => notFound(this.toString(), value));
  }

  tooLong(maxBytes: number): void {
    this.#report(() => tooLong(this.toString(), maxBytes));
  }

  tooMany(actual: number, max: number): void {
    this.#report(() => tooMany(this.toString(), actual, max));
  }
}

/** Checks each item of the list `name` of `parent`. */
export function checkEach<T>(
  items: readonly T[] | undefined,
  parent: Field,
  name: string,
  check: (item: T, at: Field, position: number) => void,
): void {
  if (items === undefined || items.length === 0) return;
  const list = parent.child(name);
  for (let position = 0; position < items.length; position++) check(items[position] as T, list.index(position), position);
}

/** Reports each item whose key occurred before. */
export class Unique {
  #first: string | undefined;
  /** Most lists have one item: only the second one is worth a set. */
  #seen: Set<string> | undefined;

  /** True if `key` is new. */
  add(key: string): boolean {
    if (this.#first === undefined) {
      this.#first = key;
      return true;
    }
    this.#seen ??= new Set([this.#first]);
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }
}
