import type { FieldError } from '../validation/field-error.ts';

/** What came out of checking a value: what is wrong, and how much of the schema was looked at before. */
export class SchemaResult {
  readonly errors: FieldError[] = [];
  /** How many checks were made. Of several alternatives that all fail, the one that got furthest is told of. */
  matches = 0;

  add(error: FieldError | undefined): void {
    if (!error) return;
    const isKnown = this.errors.some(({ field, message }) => field === error.field && message === error.message);
    if (!isKnown) this.errors.push(error);
  }

  merge(other: SchemaResult): void {
    for (const error of other.errors) this.add(error);
    this.matches += other.matches;
  }

  get isValid(): boolean {
    return this.errors.length === 0;
  }
}
