import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelSelectorFrom, matchesFields, matchesNodeRequirement, parseFieldSelector, parseLabelSelector } from './index.ts';

describe('parseLabelSelector', () => {
  it.each([
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a notin (b,c)', {}, true],
    ['a notin (b)', { a: 'b' }, false],
    ['a in (b, c)', { a: 'c' }, true],
    ['a in (b)', {}, false],
    ['a', { a: '' }, true],
    ['!a', {}, true],
    ['!a', { a: '' }, false],
    ['a=', { a: '' }, true],
    ['a in (,b)', { a: '' }, true],
    ['x.io/a=1,!b', { 'x.io/a': '1' }, true],
    ['', { any: 'thing' }, true],
    ['constructor', {}, false],
  ])('%s on %o: %s', (text, labels, expected) => {
    expect(parseLabelSelector(text).matches(labels as Record<string, string>)).toBe(expected);
  });

  it.each(['a=b,', 'a in b', 'a in (b', 'a b', '-a=b', 'a=b c', '!', 'a=(b)'])('refuses %s', (text) => {
    expect(() => parseLabelSelector(text)).toThrow('unable to parse requirement');
  });

  it('reads what it writes', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
    const requirement = fc.oneof(
      name,
      name.map((key) => `!${key}`),
      fc.tuple(name, name).map(([key, value]) => `${key}=${value}`),
      fc
        .tuple(name, fc.constantFrom('in', 'notin'), fc.uniqueArray(name, { minLength: 2, maxLength: 3 }))
        .map(([key, operator, values]) => `${key} ${operator} (${values.sort().join(',')})`),
    );
    fc.assert(
      fc.property(fc.array(requirement), (parts) => {
        const text = parts.join(',');
        expect(parseLabelSelector(text).toString()).toBe(text);
      }),
    );
  });
});

describe('labelSelectorFrom', () => {
  it('tells none from empty', () => {
    expect(labelSelectorFrom(undefined).matches({})).toBe(false);
    expect(labelSelectorFrom({}).matches({ a: 'b' })).toBe(true);
  });

  it('joins labels and expressions by and', () => {
    const selector = labelSelectorFrom({ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] });

    expect(selector.matches({ a: 'b', c: '' })).toBe(true);
    expect(selector.matches({ a: 'b' })).toBe(false);
  });
});

describe('field selectors', () => {
  it.each([
    ['metadata.name=x', { 'metadata.name': 'x' }, true],
    ['a!=b', { a: 'b' }, false],
    ['a==b,c=', { a: 'b' }, true],
    ['a=b\\,c', { a: 'b,c' }, true],
    ['', {}, true],
  ])('%s on %o: %s', (text, fields, expected) => {
    expect(matchesFields(parseFieldSelector(text), fields as Record<string, string>)).toBe(expected);
  });

  it('refuses a term without an operator', () => {
    expect(() => parseFieldSelector('abc')).toThrow("can't understand");
  });
});

describe('matchesNodeRequirement', () => {
  it.each([
    ['Gt', '5', '4', true],
    ['Gt', '4', '4', false],
    ['Lt', '3', '4', true],
    ['Gt', 'x', '4', false],
    ['In', '4', '4', true],
  ])('%s: %s against %s is %s', (operator, have, want, expected) => {
    expect(matchesNodeRequirement({ key: 'n', operator, values: [want] }, { n: have })).toBe(expected);
  });
});
