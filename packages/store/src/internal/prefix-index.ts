interface Directory<T> {
  /** Items whose prefix ends with this directory. */
  readonly whole: Set<T>;
  /** Items whose prefix goes on behind this directory, by what follows; it holds no further `/`. */
  readonly byStem: Map<string, Set<T>>;
  /** How many stems there are of each length. */
  readonly stemLengths: Map<number, number>;
}

/**
 * Finds the items whose prefix a key starts with. Costs one look-up for each `/` of the key, however many items there are.
 *
 * A prefix is split behind its last `/`: `/registry/pods/web-` is kept as stem `web-` in directory `/registry/pods/`. The key
 * `/registry/pods/web-0` then looks into the directories ``, `/`, `/registry/` and `/registry/pods/`, and in the last for the stem
 * made of its next four characters.
 */
export class PrefixIndex<T> {
  readonly #directories = new Map<string, Directory<T>>();

  add(prefix: string, item: T): void {
    const [path, stem] = split(prefix);
    let directory = this.#directories.get(path);
    if (!directory) {
      directory = { whole: new Set(), byStem: new Map(), stemLengths: new Map() };
      this.#directories.set(path, directory);
    }
    itemsOf(directory, stem).add(item);
  }

  delete(prefix: string, item: T): void {
    const [path, stem] = split(prefix);
    const directory = this.#directories.get(path);
    if (!directory) return;
    if (stem === '') directory.whole.delete(item);
    else deleteStem(directory, stem, item);
    if (directory.whole.size === 0 && directory.byStem.size === 0) this.#directories.delete(path);
  }

  /** Calls `visit` for each item whose prefix `key` starts with. Items may be added and deleted meanwhile. */
  forEachMatch(key: string, visit: (item: T) => void): void {
    for (let end = 0; ;) {
      const directory = this.#directories.get(key.slice(0, end));
      if (directory) visitDirectory(directory, key, end, visit);
      const slash = key.indexOf('/', end);
      if (slash === -1) return;
      end = slash + 1;
    }
  }
}

function split(prefix: string): [path: string, stem: string] {
  const end = prefix.lastIndexOf('/') + 1;
  return [prefix.slice(0, end), prefix.slice(end)];
}

function itemsOf<T>(directory: Directory<T>, stem: string): Set<T> {
  if (stem === '') return directory.whole;
  let items = directory.byStem.get(stem);
  if (!items) {
    items = new Set();
    directory.byStem.set(stem, items);
    directory.stemLengths.set(stem.length, (directory.stemLengths.get(stem.length) ?? 0) + 1);
  }
  return items;
}

function deleteStem<T>(directory: Directory<T>, stem: string, item: T): void {
  const items = directory.byStem.get(stem);
  if (!items?.delete(item) || items.size > 0) return;
  directory.byStem.delete(stem);
  const left = (directory.stemLengths.get(stem.length) ?? 1) - 1;
  if (left === 0) directory.stemLengths.delete(stem.length);
  else directory.stemLengths.set(stem.length, left);
}

function visitDirectory<T>(directory: Directory<T>, key: string, end: number, visit: (item: T) => void): void {
  for (const item of directory.whole) visit(item);
  for (const length of directory.stemLengths.keys()) {
    if (end + length > key.length) continue;
    const items = directory.byStem.get(key.slice(end, end + length));
    if (!items) continue;
    for (const item of items) visit(item);
  }
}
