import type { CacheEvent, WatchNote } from './cache-event.ts';
import { dependsOnContent, selectsContent, type Selection } from './selection.ts';
import type { StoredObject } from './stored-object.ts';

/** Someone who is told of changes. `notes` must return soon and must not keep the array's notes. */
export interface Watcher {
  readonly selection: Selection;
  notes(notes: readonly WatchNote[]): void;
  /** Told about once a minute, after `WatchCache.bookmark`. */
  bookmark?(revision: number): void;
  /** No more will come. Without an error, this is an ordinary end: the client comes back. */
  end(error?: Error): void;
}

/** What the watcher is told of the event, if anything. The object is known to be in the selection's namespace and of its name. */
export function translate(watcher: Watcher, event: CacheEvent): WatchNote | undefined {
  const { selection } = watcher;
  if (!dependsOnContent(selection)) return event.plain;
  const { plain, previous } = event;
  if (plain.type === 'DELETED') return selectsContent(selection, plain.item) ? plain : undefined;
  const isIn = selectsContent(selection, plain.item);
  const wasIn = previous !== undefined && selectsContent(selection, previous);
  if (isIn) return wasIn || plain.type === 'ADDED' ? plain : event.entered;
  return wasIn ? event.left : undefined;
}

/**
 * Hot path: finds the watchers of a change without asking those that look elsewhere. A watcher is filed under the narrowest of: the value
 * of the indexed field, one object, one namespace, everything.
 */
export class WatcherIndex {
  readonly #everything = new Set<Watcher>();
  readonly #byPlace = new Map<string, Set<Watcher>>();
  readonly #byField = new Map<string, Set<Watcher>>();
  readonly #field: string | undefined;
  #size = 0;

  /** `field`: the one that watchers usually select by, such as `spec.nodeName`. */
  constructor(field: string | undefined) {
    this.#field = field;
  }

  get size(): number {
    return this.#size;
  }

  add(watcher: Watcher): void {
    this.#size += 1;
    const place = this.#place(watcher.selection);
    if (!place) this.#everything.add(watcher);
    else addTo(place.map, place.key, watcher);
  }

  delete(watcher: Watcher): void {
    const place = this.#place(watcher.selection);
    const set = place ? place.map.get(place.key) : this.#everything;
    if (!set?.delete(watcher)) return;
    this.#size -= 1;
    if (place && set.size === 0) place.map.delete(place.key);
  }

  *all(): Generator<Watcher> {
    yield* this.#everything;
    for (const set of this.#byPlace.values()) yield* set;
    for (const set of this.#byField.values()) yield* set;
  }

  /** Calls `visit` for each watcher that is told of the event, each once. */
  visit(event: CacheEvent, visit: (watcher: Watcher, note: WatchNote) => void): void {
    const { item } = event.plain;
    visitSet(this.#everything, event, visit);
    if (this.#byPlace.size > 0) {
      visitSet(this.#byPlace.get(`${item.namespace}/`), event, visit);
      visitSet(this.#byPlace.get(`${item.namespace}/${item.name}`), event, visit);
      visitSet(this.#byPlace.get(`*/${item.name}`), event, visit);
    }
    if (this.#byField.size > 0) this.#visitField(event, visit);
  }

  #visitField(event: CacheEvent, visit: (watcher: Watcher, note: WatchNote) => void): void {
    const value = this.#valueOf(event.plain.item);
    const before = event.previous && this.#valueOf(event.previous);
    const inPlace = (watcher: Watcher, note: WatchNote): void => {
      const { namespace, name } = watcher.selection;
      const { item } = event.plain;
      if (namespace !== undefined && namespace !== item.namespace) return;
      if (name === undefined || name === item.name) visit(watcher, note);
    };
    visitSet(this.#byField.get(value), event, inPlace);
    if (before !== undefined && before !== value) visitSet(this.#byField.get(before), event, inPlace);
  }

  #valueOf(item: StoredObject): string {
    return this.#field === undefined ? '' : (item.fields[this.#field] ?? '');
  }

  #place(selection: Selection): { map: Map<string, Set<Watcher>>; key: string } | undefined {
    const term = selection.fields.find(({ field, operator }) => field === this.#field && operator === '=');
    if (term) return { map: this.#byField, key: term.value };
    const { namespace, name } = selection;
    if (name !== undefined) return { map: this.#byPlace, key: `${namespace ?? '*'}/${name}` };
    return namespace === undefined ? undefined : { map: this.#byPlace, key: `${namespace}/` };
  }
}

function visitSet(
  watchers: ReadonlySet<Watcher> | undefined,
  event: CacheEvent,
  visit: (watcher: Watcher, note: WatchNote) => void,
): void {
  if (!watchers) return;
  for (const watcher of watchers) {
    const note = translate(watcher, event);
    if (note) visit(watcher, note);
  }
}

function addTo(map: Map<string, Set<Watcher>>, key: string, watcher: Watcher): void {
  const set = map.get(key);
  if (set) set.add(watcher);
  else map.set(key, new Set([watcher]));
}
