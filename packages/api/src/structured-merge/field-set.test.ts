import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  difference,
  EMPTY,
  hasPath,
  intersection,
  isSubset,
  parseFieldSet,
  pathsOf,
  recursiveDifference,
  setOfPath,
  sortedSet,
  union,
  type FieldSet,
} from './field-set.ts';

const element = fc.constantFrom('f:a', 'f:b', 'f:__proto__', 'f:constructor', 'k:{"name":"x"}', 'v:"y"', 'v:1', 'i:0');
const path = fc.array(element, { minLength: 1, maxLength: 4 });
const paths = fc.array(path, { maxLength: 8 });

function setOf(all: readonly (readonly string[])[]): FieldSet {
  return all.reduce<FieldSet>((set, one) => union(set, setOfPath(one)), EMPTY);
}

/** The same set as plain texts, for comparison with sets of JavaScript. */
function texts(set: FieldSet): Set<string> {
  return new Set([...pathsOf(set)].map((one) => one.join('/')));
}

const isBelow = (one: string, other: string): boolean => one.startsWith(`${other}/`);

describe('operations', () => {
  it('are those of sets of paths', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [left, right] = [setOf(a), setOf(b)];
        const [mine, theirs] = [texts(left), texts(right)];

        expect(texts(union(left, right))).toEqual(mine.union(theirs));
        expect(texts(intersection(left, right))).toEqual(mine.intersection(theirs));
        expect(texts(difference(left, right))).toEqual(mine.difference(theirs));
        expect(texts(recursiveDifference(left, right))).toEqual(
          new Set([...mine].filter((one) => ![...theirs].some((other) => one === other || isBelow(one, other)))),
        );
        expect(isSubset(left, right)).toBe(mine.isSubsetOf(theirs));
      }),
    );
  });

  it('know each path that was put in, and no other', () => {
    fc.assert(
      fc.property(paths, path, (all, one) => {
        const set = setOf(all);

        expect(all.every((known) => hasPath(set, known))).toBe(true);
        expect(hasPath(set, one)).toBe(all.some((known) => known.join('/') === one.join('/')));
      }),
    );
  });

  it('leave what they are given as it is', () => {
    fc.assert(
      fc.property(paths, paths, (a, b) => {
        const [left, right] = [setOf(a), setOf(b)];
        const before = JSON.stringify([left, right]);

        for (const operation of [union, intersection, difference, recursiveDifference]) operation(left, right);

        expect(JSON.stringify([left, right])).toBe(before);
      }),
    );
  });

  it('give back what they were given if nothing changes', () => {
    const set = setOf([['f:a', 'f:b'], ['f:c']]);
    const same = setOf([['f:a', 'f:b']]);

    expect(union(set, same)).toBe(set);
    expect(difference(set, setOf([['f:x'], ['f:a']]))).toBe(set);
  });
});

describe('FieldsV1', () => {
  it('says with a dot that a path belongs although something is below it', () => {
    const set = setOf([
      ['f:metadata', 'f:labels'],
      ['f:metadata', 'f:labels', 'f:app'],
      ['f:spec', 'f:replicas'],
    ]);

    expect(set).toEqual({ 'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } }, 'f:spec': { 'f:replicas': {} } });
    expect(difference(set, setOfPath(['f:metadata', 'f:labels', 'f:app']))).toEqual({
      'f:metadata': { 'f:labels': {} },
      'f:spec': { 'f:replicas': {} },
    });
  });

  it('is read as it was written', () => {
    fc.assert(
      fc.property(paths, (all) => {
        const set = setOf(all);

        const read = parseFieldSet(JSON.parse(JSON.stringify(sortedSet(set))));

        expect(texts(read)).toEqual(texts(set));
        expect(sortedSet(read)).toEqual(sortedSet(set));
      }),
    );
  });

  it('is brought into one form', () => {
    const read = parseFieldSet({
      'f:ports': { 'k:{"protocol":"TCP", "containerPort":80}': { '.': {} } },
      'f:finalizers': { 'v: "a"': {}, 'v:"a"': {} },
      'x:unknown': { 'f:a': {} },
      'f:a': { 'f:b': {}, '.': {} },
    });

    expect(read).toEqual({
      'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': {} },
      'f:finalizers': { 'v:"a"': {} },
      'f:a': { '.': {}, 'f:b': {} },
    });
  });

  it.each([[{ 'k:{"name"': {} }], [{ 'i:x': {} }], [{ a: {} }], [{ fa: {} }], ['text'], [[]], [{ 'f:a': 1 }]])(
    'refuses %j',
    (value) => {
      expect(() => parseFieldSet(value)).toThrow(/error decoding managed fields/);
    },
  );

  it('keeps integers beyond what a number can hold', () => {
    expect(parseFieldSet({ 'v:9007199254740993': {} })).toEqual({ 'v:9007199254740993': {} });
  });

  it('is written in order, the path itself first', () => {
    const set = sortedSet({ 'v:"b"': {}, 'k:{"name":"a"}': {}, 'f:b': { 'f:x': {}, '.': {} }, 'f:a': {} });

    expect(JSON.stringify(set)).toBe('{"f:a":{},"f:b":{".":{},"f:x":{}},"k:{\\"name\\":\\"a\\"}":{},"v:\\"b\\"":{}}');
  });
});
