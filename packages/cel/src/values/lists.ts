import type { CelList, CelValue, ListSemantics } from './value.ts';

/** A list that an expression has made. */
export class ArrayList implements CelList {
  static readonly EMPTY: ArrayList = new ArrayList([]);

  readonly kind = 'list';
  readonly items: readonly CelValue[];
  readonly semantics: ListSemantics | undefined;

  constructor(items: readonly CelValue[], semantics?: ListSemantics) {
    this.items = items;
    this.semantics = semantics;
  }

  get size(): number {
    return this.items.length;
  }

  at(index: number): CelValue {
    return this.items[index] ?? null;
  }
}

/** Two lists one after the other, not copied: adding lists costs the same whatever their length. */
export class JoinedList implements CelList {
  readonly kind = 'list';
  readonly size: number;
  readonly first: CelList;
  readonly second: CelList;

  constructor(first: CelList, second: CelList) {
    this.first = first;
    this.second = second;
    this.size = first.size + second.size;
  }

  at(index: number): CelValue {
    return index < this.first.size ? this.first.at(index) : this.second.at(index - this.first.size);
  }
}

/** A list that a macro is adding to. Only the macro knows it until it is done. */
export class GrowingList implements CelList {
  readonly kind = 'list';
  readonly items: CelValue[] = [];

  get size(): number {
    return this.items.length;
  }

  at(index: number): CelValue {
    return this.items[index] ?? null;
  }
}

/** All elements, made. */
export function itemsOf(list: CelList): readonly CelValue[] {
  if (list instanceof ArrayList || list instanceof GrowingList) return list.items;
  if (list instanceof JoinedList) return [...itemsOf(list.first), ...itemsOf(list.second)];
  return Array.from({ length: list.size }, (_, index) => list.at(index));
}
