import { EvaluationFailure } from './failure.ts';
import { CelUint, type CelKey, type CelMap, type CelValue } from './value.ts';

/** A map that an expression has made. */
export class EntryMap implements CelMap {
  readonly kind = 'map';
  readonly #entries: ReadonlyMap<CelKey, readonly [CelValue, CelValue]>;

  constructor(entries: ReadonlyMap<CelKey, readonly [CelValue, CelValue]>) {
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: CelKey): CelValue | undefined {
    return this.#entries.get(key)?.[1];
  }

  *keys(): Iterable<CelValue> {
    for (const [key] of this.#entries.values()) yield key;
  }
}

/** What a value is as a key; `undefined` for what no map can have as a key, such as 1.5. Throws for what can't be a key at all. */
export function keyOf(value: CelValue): CelKey | undefined {
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return value;
    case 'number':
      return Number.isSafeInteger(value) ? BigInt(value) : undefined;
    default:
      if (value instanceof CelUint) return value.value;
      throw new EvaluationFailure('unsupported key type');
  }
}

/** A map that is being made, by a literal or a macro. A key may come once. */
export class GrowingMap implements CelMap {
  readonly kind = 'map';
  readonly #entries = new Map<CelKey, readonly [CelValue, CelValue]>();

  get size(): number {
    return this.#entries.size;
  }

  get(key: CelKey): CelValue | undefined {
    return this.#entries.get(key)?.[1];
  }

  *keys(): Iterable<CelValue> {
    for (const [key] of this.#entries.values()) yield key;
  }

  add(key: CelValue, value: CelValue): void {
    const normal = typeof key === 'number' ? undefined : keyOf(key);
    if (normal === undefined) throw new EvaluationFailure('unsupported key type');
    if (this.#entries.has(normal)) throw new EvaluationFailure(`Failed with repeated key: ${String(normal)}`);
    this.#entries.set(normal, [key, value]);
  }
}
