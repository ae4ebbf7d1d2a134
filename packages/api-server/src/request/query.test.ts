import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Query } from './query.ts';

it('reads a query as browsers do, whatever is in it', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '=', '&', '%', '+', '2', 'F', ';', ',', 'ü', '/') });
  fc.assert(
    fc.property(text, (query) => {
      const read = [...Query.parse(query).entries()].flatMap(([name, values]) => values.map((value) => [name, value]));
      const expected = [...new URLSearchParams(query)];

      expect(read.toSorted()).toEqual(expected.toSorted());
    }),
  );
});

it('takes flags as Go does', () => {
  const query = Query.parse('a=1&b=true&c=&d&e=0&f=False&g=x');

  expect(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].filter((name) => query.flag(name))).toEqual(['a', 'b', 'c', 'd', 'g']);
});

it('keeps what was sent', () => {
  expect(Query.parse('a=%20b&c').search).toBe('?a=%20b&c');
  expect(Query.parse('').search).toBe('');
  expect(Query.of({ a: 'b c', d: ['1', '2'], e: undefined }).search).toBe('?a=b+c&d=1&d=2');
});
