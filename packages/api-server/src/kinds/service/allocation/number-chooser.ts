import type { Key, Store } from '@keelson/store';

/** How often a number is drawn before the free ones are looked for. */
const DRAWS = 16;

/** Numbers below `size`, each with a key in the store that is there as long as the number is held. */
export interface NumberRange {
  readonly size: number;
  /** Numbers below it are left to clients that ask for one, as long as there are others. */
  readonly split: number;
  /** What all keys begin with. */
  readonly prefix: Key;
  key(number: number): Key;
}

export type Random = (min: number, max: number) => number;

/** Chooses numbers that nobody holds. Choosing holds nothing: two that choose at the same time may choose the same. */
export class NumberChooser {
  readonly #store: Store;
  readonly #random: Random;

  constructor(store: Store, random: Random) {
    this.#store = store;
    this.#random = random;
  }

  /** None if all are held or among `used`. */
  async choose(range: NumberRange, used: ReadonlySet<number> = new Set()): Promise<number | undefined> {
    for (let draw = 0; draw < DRAWS; draw++) {
      const number = this.#random(range.split, range.size);
      if (!used.has(number) && (await this.#store.get(range.key(number))) === undefined) return number;
    }
    return this.#search(range, used);
  }

  /** Of a crowded range: the next free number behind a random one, rather from above the split. */
  async #search(range: NumberRange, used: ReadonlySet<number>): Promise<number | undefined> {
    const { entries } = await this.#store.range(range.prefix);
    const held = new Set(entries.map(({ key }) => key));
    const isFree = (number: number): boolean => !used.has(number) && !held.has(range.key(number));
    return this.#firstFrom(range.split, range.size, isFree) ?? this.#firstFrom(0, range.split, isFree);
  }

  #firstFrom(min: number, max: number, isFree: (number: number) => boolean): number | undefined {
    if (min >= max) return undefined;
    const count = max - min;
    const start = this.#random(0, count);
    for (let step = 0; step < count; step++) {
      const number = min + ((start + step) % count);
      if (isFree(number)) return number;
    }
    return undefined;
  }
}
