/** How many results are kept, and of texts up to which length. */
const CAPACITY = 4_096;
const MAX_LENGTH = 320;

/**
 * Hot path: a function of a text that remembers its last results, for texts that come again and again, such as keys of labels. What it
 * gives is shared: it must not be changed.
 */
export function remembering<T>(make: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const made = make(text);
    if (text.length > MAX_LENGTH) return made;
    if (known.size >= CAPACITY) known.clear();
    known.set(text, made);
    return made;
  };
}
