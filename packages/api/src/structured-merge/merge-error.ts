/** One thing that is wrong with an object, at a path such as `.spec.containers[name="a"].ports`. */
export interface Fault {
  readonly path: string;
  readonly message: string;
}

/** A value does not fit its schema, so that nobody can say who owns what in it. The message is upstream's. */
export class SchemaMismatch extends Error {
  override readonly name = 'SchemaMismatch';
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(textOf(faults));
    this.faults = faults;
  }
}

function textOf(faults: readonly Fault[]): string {
  const lines = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  return lines.length === 1 ? lines.join('') : ['errors:', ...lines.map((line) => `  ${line}`)].join('\n');
}
