/** One entry of a set, or of a map if it has a value. */
export interface Element<S extends string = string> {
  readonly set: S;
  readonly key: string;
  readonly value: string | undefined;
}

interface Claim {
  readonly owner: string;
  readonly value: string | undefined;
}

/** What to do to the sets of the table, in this order. */
export interface ElementChanges {
  readonly removed: readonly Element[];
  readonly added: readonly Element[];
}

/**
 * Which service port holds which element. Two may claim the same one: an external address that two Services have, or the endpoint that they
 * share. The first one by name gets it, and so gets all that goes with it; when it lets go, the next.
 */
export class Claims {
  /** By set and key. Nearly all have one claim, and are kept without a list. */
  readonly #claims = new Map<string, Map<string, Claim | readonly Claim[]>>();
  /** The values that elements had before they were touched; null if they were not there. */
  readonly #touched = new Map<string, Map<string, string | undefined | null>>();
  #count = 0;

  /** How many elements there are. */
  get size(): number {
    return this.#count;
  }

  release(owner: string, elements: readonly Element[]): void {
    for (const { set, key } of elements) {
      this.#touch(set, key);
      const claims = this.#of(set, key).filter((one) => one.owner !== owner);
      this.#put(set, key, claims);
    }
  }

  claim(owner: string, elements: readonly Element[]): void {
    for (const { set, key, value } of elements) {
      this.#touch(set, key);
      const claims = this.#of(set, key);
      if (claims.some((one) => one.owner === owner)) continue;
      this.#put(set, key, [...claims, { owner, value }].sort(byOwner));
    }
  }

  /** What has become different since the last call. */
  takeChanges(): ElementChanges {
    const removed: Element[] = [];
    const added: Element[] = [];
    for (const [set, keys] of this.#touched) {
      for (const [key, before] of keys) {
        const after = this.#valueOf(set, key);
        if (after === before) continue;
        if (before !== null) removed.push({ set, key, value: before });
        if (after !== null) added.push({ set, key, value: after });
      }
    }
    this.#touched.clear();
    return { removed, added };
  }

  /** Everything. */
  *elements(): Generator<Element> {
    for (const [set, keys] of this.#claims) {
      for (const [key, claim] of keys) yield { set, key, value: first(claim)?.value };
    }
  }

  #touch(set: string, key: string): void {
    const keys = this.#touched.get(set) ?? new Map<string, string | undefined | null>();
    this.#touched.set(set, keys);
    if (!keys.has(key)) keys.set(key, this.#valueOf(set, key));
  }

  #valueOf(set: string, key: string): string | undefined | null {
    const claim = this.#claims.get(set)?.get(key);
    return claim === undefined ? null : first(claim)?.value;
  }

  #of(set: string, key: string): readonly Claim[] {
    const claim = this.#claims.get(set)?.get(key);
    if (claim === undefined) return [];
    return isList(claim) ? claim : [claim];
  }

  #put(set: string, key: string, claims: readonly Claim[]): void {
    const keys = this.#claims.get(set) ?? new Map<string, Claim | readonly Claim[]>();
    this.#claims.set(set, keys);
    this.#count -= keys.size;
    const [only, ...others] = claims;
    if (!only) keys.delete(key);
    else keys.set(key, others.length === 0 ? only : claims);
    this.#count += keys.size;
  }
}

function byOwner(left: Claim, right: Claim): number {
  return left.owner < right.owner ? -1 : 1;
}

function isList(claim: Claim | readonly Claim[]): claim is readonly Claim[] {
  return Array.isArray(claim);
}

function first(claim: Claim | readonly Claim[]): Claim | undefined {
  return isList(claim) ? claim[0] : claim;
}
