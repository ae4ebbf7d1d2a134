/** Something wrong at a place of an expression. */
export interface SourceError {
  /** An offset into the text, in UTF-16 units. */
  readonly position: number;
  readonly message: string;
}

/** Thrown while parsing. */
export class SyntaxFailure extends Error {
  readonly position: number;

  constructor(position: number, message: string) {
    super(message);
    this.position = position;
  }
}

const MAX_ERRORS = 100;

/** Errors as Kubernetes shows them: each with line, column, the line itself and a mark under the place. */
export function formatSourceErrors(text: string, errors: readonly SourceError[]): string {
  const sorted = errors.toSorted((one, other) => one.position - other.position).slice(0, MAX_ERRORS);
  return sorted.map((error) => formatOne(text, error)).join('\n');
}

function formatOne(text: string, { position, message }: SourceError): string {
  const before = text.slice(0, position);
  const start = before.lastIndexOf('\n') + 1;
  const line = before.split('\n').length;
  const column = Array.from(text.slice(start, position)).length;
  const end = text.indexOf('\n', start);
  const shown = text.slice(start, end === -1 ? undefined : end).replaceAll('\t', ' ');
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${shown}\n | ${'.'.repeat(column)}^`;
}
