import type { CelObject, CelValue } from './value.ts';

/** An object that an expression has made, such as `Object.spec{replicas: 3}`. */
export class StructValue implements CelObject {
  readonly kind = 'object';
  readonly typeName: string;
  readonly #values: ReadonlyMap<string, CelValue>;

  constructor(typeName: string, values: ReadonlyMap<string, CelValue>) {
    this.typeName = typeName;
    this.#values = values;
  }

  get(field: string): CelValue | undefined {
    return this.#values.get(field);
  }

  fields(): Iterable<string> {
    return this.#values.keys();
  }
}
