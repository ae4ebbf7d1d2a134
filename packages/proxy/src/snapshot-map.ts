/** Enough that a bucket stays short with tens of thousands of entries, and few enough to be copied and compared in microseconds. */
const BUCKETS = 1024;
type Bucket<V> = ReadonlyMap<string, V>;
const NOTHING: Bucket<never> = new Map<string, never>();

/** How one key differs between two maps; undefined on the side that does not have it. */
export interface Change<V> {
  readonly before: V | undefined;
  readonly after: V | undefined;
}

/**
 * A map that never changes: `with` makes the next one, which shares all but what is different. So a change, and finding out what is
 * different between one map and the next, costs the same however many entries there are.
 */
export class SnapshotMap<V> implements ReadonlyMap<string, V> {
  readonly size: number;
  readonly #buckets: readonly Bucket<V>[];

  private constructor(buckets: readonly Bucket<V>[], size: number) {
    this.#buckets = buckets;
    this.size = size;
  }

  static empty<V>(): SnapshotMap<V> {
    return new SnapshotMap<V>(
      Array.from({ length: BUCKETS }, () => NOTHING),
      0,
    );
  }

  /** A map with the changes; undefined takes a key out. */
  with(changes: Iterable<readonly [key: string, value: V | undefined]>): SnapshotMap<V> {
    const buckets = [...this.#buckets];
    const copied = new Map<number, Map<string, V>>();
    let { size } = this;
    for (const [key, value] of changes) {
      const index = bucketOf(key);
      const bucket = copied.get(index) ?? new Map(buckets[index]);
      copied.set(index, bucket);
      buckets[index] = bucket;
      size -= bucket.size;
      if (value === undefined) bucket.delete(key);
      else bucket.set(key, value);
      size += bucket.size;
    }
    return new SnapshotMap(buckets, size);
  }

  get(key: string): V | undefined {
    return this.#buckets[bucketOf(key)]?.get(key);
  }

  has(key: string): boolean {
    return this.#buckets[bucketOf(key)]?.has(key) ?? false;
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  *entries(): Generator<[string, V], undefined> {
    for (const bucket of this.#buckets) yield* bucket;
    return undefined;
  }

  *keys(): Generator<string, undefined> {
    for (const bucket of this.#buckets) yield* bucket.keys();
    return undefined;
  }

  *values(): Generator<V, undefined> {
    for (const bucket of this.#buckets) yield* bucket.values();
    return undefined;
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }

  /** Pairs of buckets that are not the same one. */
  static *differingBuckets<V>(before: SnapshotMap<V>, after: SnapshotMap<V>): Generator<readonly [Bucket<V>, Bucket<V>]> {
    for (let index = 0; index < BUCKETS; index++) {
      const [left = NOTHING, right = NOTHING] = [before.#buckets[index], after.#buckets[index]];
      if (left !== right) yield [left, right];
    }
  }
}

/**
 * What is different in `after`, by key. Values are compared by identity. Between two snapshots it costs the work of the buckets that differ;
 * between other maps, a look at each entry.
 */
export function changesBetween<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>): Map<string, Change<V>> {
  const changes = new Map<string, Change<V>>();
  if (before === after) return changes;
  const areSnapshots = before instanceof SnapshotMap && after instanceof SnapshotMap;
  const pairs = areSnapshots ? SnapshotMap.differingBuckets<V>(before, after) : [[before, after] as const];
  for (const [left, right] of pairs) {
    for (const [key, value] of left) if (!right.has(key)) changes.set(key, { before: value, after: undefined });
    for (const [key, value] of right) {
      const old = left.get(key);
      if (old !== value) changes.set(key, { before: old, after: value });
    }
  }
  return changes;
}

/** FNV-1a, folded. */
function bucketOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
}
