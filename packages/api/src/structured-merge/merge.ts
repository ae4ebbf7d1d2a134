import { isObject, setOwn, type JsonObject } from '../patch/json-value.ts';
import { itemElement, type PathElement } from './path-element.ts';
import { fieldSchema, schemaFor, type ListSchema, type MapSchema, type ValueSchema } from './value-schema.ts';
import { isLeaf } from './leaf.ts';

/**
 * An object with an applied configuration put over it: leaves of the configuration win, fields and items of both are merged, nothing goes.
 * Shares what is not changed with its arguments. The order of a list is that of the configuration for the items that it names; those it does
 * not name stay where they are between them. Throws `SchemaMismatch`, and if the configuration has an item twice.
 */
export function merge(schema: ValueSchema, live: unknown, configuration: unknown): unknown {
  if (configuration === undefined) return live;
  if (live === undefined || live === configuration) return configuration;
  const [before, after] = [schemaFor(schema, live), schemaFor(schema, configuration)];
  if (before !== after) return configuration;
  const bothAreLeaves = isLeaf(after, configuration) && isLeaf(before, live);
  if (bothAreLeaves || isAtomic(after)) return configuration;
  if (after.type === 'map') return mergeFields(after, record(live), record(configuration));
  if (after.type === 'list') return mergeItems(after, items(live), items(configuration));
  return configuration;
}

function isAtomic(schema: ValueSchema): boolean {
  return schema.type === 'map' ? schema.atomic === true : schema.type === 'list' && schema.listType === 'atomic';
}

/** `isLeaf` has made sure that it is one, or null. */
function record(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function mergeFields(schema: MapSchema, live: JsonObject, configuration: JsonObject): JsonObject {
  const merged: JsonObject = { ...live };
  for (const key in configuration) {
    const before = Object.hasOwn(live, key) ? live[key] : undefined;
    setOwn(merged, key, merge(fieldSchema(schema, key), before, configuration[key]));
  }
  return merged;
}

function mergeItems(schema: ListSchema, live: readonly unknown[], configuration: readonly unknown[]): unknown[] {
  const wanted = new Map<PathElement, unknown>();
  for (const item of configuration) wanted.set(itemElement(schema, item), item);
  const present = new Map<PathElement, unknown>();
  for (const item of live) {
    const element = itemElement(schema, item);
    // What is there twice is not merged with: the configuration's item takes the place of all of them.
    present.set(element, present.has(element) ? undefined : item);
  }
  const order = new MergeOrder(
    live.map((item) => itemElement(schema, item)),
    [...wanted.keys()],
  );
  const merged: unknown[] = [];
  for (const { element, at } of order.run()) {
    merged.push(at === undefined ? merge(schema.items, present.get(element), wanted.get(element)) : live[at]);
  }
  return merged;
}

interface Place {
  readonly element: PathElement;
  /** In the live list, for items that only it has. */
  readonly at?: number;
}

/**
 * Walks through both lists at once. Items of the live list alone keep their place before the next item that both have; items of both, and
 * of the configuration alone, come in the order of the configuration.
 *
 * Live `a b c d`, configuration `d x a`: the shared items are wanted as `d a`. `a` is passed over, since `d` is wanted first; `b` and `c`
 * are only live; then come `d`, `x` and `a`: `b c d x a`.
 */
class MergeOrder {
  readonly #live: readonly PathElement[];
  readonly #wanted: readonly PathElement[];
  readonly #isLive: ReadonlySet<PathElement>;
  readonly #isWanted: ReadonlySet<PathElement>;
  /** Items of both, in the order of the configuration, that are still to come. */
  readonly #shared: PathElement[];

  constructor(live: readonly PathElement[], wanted: readonly PathElement[]) {
    this.#live = live;
    this.#wanted = wanted;
    this.#isLive = new Set(live);
    this.#isWanted = new Set(wanted);
    this.#shared = wanted.filter((element) => this.#isLive.has(element));
  }

  *run(): Generator<Place> {
    const done = new Set<PathElement>();
    let [l, r] = [0, 0];
    while (l < this.#live.length || r < this.#wanted.length) {
      const [mine, theirs] = [this.#live[l], this.#wanted[r]];
      if (mine !== undefined && mine === theirs) {
        done.add(mine);
        this.#shared.shift();
        [l, r] = [l + 1, r + 1];
        yield { element: mine };
        continue;
      }
      if (mine !== undefined && theirs !== undefined && this.#isOutOfTurn(mine)) {
        l += 1;
        continue;
      }
      if (mine !== undefined && !this.#isWanted.has(mine)) {
        l += 1;
        yield { element: mine, at: l - 1 };
        continue;
      }
      if (mine !== undefined && done.has(mine)) l += 1;
      if (theirs === undefined) continue;
      done.add(theirs);
      r += 1;
      if (this.#shared[0] === theirs) this.#shared.shift();
      yield { element: theirs };
    }
  }

  /** True for an item of both if another one is wanted before it. */
  #isOutOfTurn(element: PathElement): boolean {
    const [next] = this.#shared;
    return this.#isWanted.has(element) && next !== undefined && next !== element;
  }
}
