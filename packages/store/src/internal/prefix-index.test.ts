import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PrefixIndex } from './prefix-index.ts';

const path = fc.array(fc.constantFrom('/', 'a', 'b', 'ab'), { maxLength: 7 }).map((parts) => parts.join(''));

function matches(index: PrefixIndex<string>, key: string): string[] {
  const found: string[] = [];
  index.forEachMatch(key, (item) => found.push(item));
  return found.toSorted();
}

it('finds the items whose prefix a key starts with, each once', () => {
  fc.assert(
    fc.property(fc.uniqueArray(path), fc.uniqueArray(path), path, (added, removed, key) => {
      const index = new PrefixIndex<string>();
      for (const prefix of added) index.add(prefix, prefix);
      for (const prefix of removed) index.delete(prefix, prefix);

      const left = added.filter((prefix) => !removed.includes(prefix));
      expect(matches(index, key)).toEqual(left.filter((prefix) => key.startsWith(prefix)).toSorted());
    }),
    { numRuns: 500 },
  );
});

it('works as the example of its description says', () => {
  const index = new PrefixIndex<string>();
  for (const prefix of ['', '/registry/', '/registry/pods/', '/registry/pods/web-', '/registry/pods/db-', '/registry/nodes/']) {
    index.add(prefix, prefix);
  }

  expect(matches(index, '/registry/pods/web-0')).toEqual(['', '/registry/', '/registry/pods/', '/registry/pods/web-']);
});
