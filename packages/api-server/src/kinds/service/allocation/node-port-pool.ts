import type { Key, Store } from '@keelson/store';
import { NumberChooser, type NumberRange, type Random } from './number-chooser.ts';

const PREFIX = '/registry/ranges/servicenodeports/';
const BAND = { min: 16, max: 128, part: 32 };

/** Node ports; each one that is held is a key in the store. */
export class NodePortPool {
  readonly #store: Store;
  readonly #chooser: NumberChooser;
  readonly #first: number;
  readonly #last: number;
  readonly #range: NumberRange;

  constructor(deps: { readonly store: Store; readonly random: Random }, [first, last]: readonly [number, number]) {
    this.#store = deps.store;
    this.#chooser = new NumberChooser(deps.store, deps.random);
    this.#first = first;
    this.#last = last;
    const size = last - first + 1;
    const split = size < BAND.part ? 0 : Math.min(Math.max(BAND.min, Math.floor(size / BAND.part)), BAND.max);
    this.#range = { size, split, prefix: PREFIX, key: (number) => portKey(first + number) };
  }

  /** Why a Service can't have `port`, if it can't. */
  async problem(port: number): Promise<string | undefined> {
    if (port < this.#first || port > this.#last)
      return `provided port is not in the valid range. The range of valid ports is ${this.#first}-${this.#last}`;
    return (await this.#store.get(portKey(port))) === undefined ? undefined : 'provided port is already allocated';
  }

  /** A port that nobody holds and that is not among `used`; none if all are held. */
  async choose(used: ReadonlySet<number>): Promise<number | undefined> {
    const numbers = new Set([...used].map((port) => port - this.#first));
    const number = await this.#chooser.choose(this.#range, numbers);
    return number === undefined ? undefined : this.#first + number;
  }
}

export function portKey(port: number): Key {
  return PREFIX + port;
}
