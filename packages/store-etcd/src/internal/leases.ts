import type { Clock } from '@keelson/base';

/** Keys that are written within this share of their time to live, or this many seconds, share a lease. */
const WINDOW_SHARE = 0.05;
const MIN_WINDOW_SECONDS = 1;
const MAX_WINDOW_SECONDS = 5;
/** etcd deletes the keys of a lease in one commit. */
const MAX_KEYS = 1_000;

interface Bucket {
  readonly lease: Promise<bigint>;
  readonly endMs: number;
  keys: number;
}

export interface LeaseDependencies {
  readonly clock: Clock;
  /** Makes a lease that ends after so many seconds. */
  readonly grant: (ttlSeconds: number) => Promise<bigint>;
}

/**
 * Leases for keys with a time to live. One lease serves all keys of the same time that are written within a few seconds: it lasts longer by
 * that much, so no key is deleted early. None is ever renewed: a lease's time is that of its keys.
 *
 * Example: keys for an hour share a lease of 3,605 s for 5 s. One that is written 4 s after the lease was made is deleted 3,601 s later.
 */
export class Leases {
  readonly #deps: LeaseDependencies;
  readonly #buckets = new Map<number, Bucket>();

  constructor(deps: LeaseDependencies) {
    this.#deps = deps;
  }

  /** A lease that ends `ttlSeconds` from now at the earliest. */
  async lease(ttlSeconds: number): Promise<bigint> {
    const known = this.#buckets.get(ttlSeconds);
    const isUsable = known && known.keys < MAX_KEYS && this.#deps.clock.monotonic() < known.endMs;
    const bucket = isUsable ? known : this.#make(ttlSeconds);
    bucket.keys += 1;
    return bucket.lease;
  }

  /** After one turned out not to be there any more. */
  forget(): void {
    this.#buckets.clear();
  }

  #make(ttlSeconds: number): Bucket {
    const { clock, grant } = this.#deps;
    const windowSeconds = Math.min(MAX_WINDOW_SECONDS, Math.max(MIN_WINDOW_SECONDS, ttlSeconds * WINDOW_SHARE));
    // Counted from here, before etcd begins to count.
    const endMs = clock.monotonic() + windowSeconds * 1000;
    for (const [ttl, { endMs: otherEndMs }] of this.#buckets) if (otherEndMs <= clock.monotonic()) this.#buckets.delete(ttl);
    const bucket = { lease: grant(Math.ceil(ttlSeconds + windowSeconds)), endMs, keys: 0 };
    this.#buckets.set(ttlSeconds, bucket);
    bucket.lease.catch(() => {
      if (this.#buckets.get(ttlSeconds) === bucket) this.#buckets.delete(ttlSeconds);
    });
    return bucket;
  }
}
