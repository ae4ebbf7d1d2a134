import { KeelsonError } from '@keelson/base';
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

  it.each([
    ['a>3', { a: '4' }, true],
    ['a>3', { a: 'many' }, false],
    ['a<9223372036854775807', { a: '9223372036854775806' }, true],
    ['a in (,)', { a: '' }, true],
    ['in=notin', { in: 'notin' }, true],
    ['a in (in, notin)', { a: 'in' }, true],
    [' a = b , !c ', { a: 'b' }, true],
  ])('%s on %o: %s', (text, labels, expected) => {
    expect(parseLabelSelector(text).matches(labels as Record<string, string>)).toBe(expected);
  });

  it.each([
    ['a=b,', "found '', expected: identifier after ','"],
    [',', "found ',', expected: !, identifier, or 'end of string'"],
    ['a in b', "unable to parse requirement: found 'b' expected: '('"],
    ['a in (b', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['a in (b c)', "unable to parse requirement: found 'c', expected: ',' or ')'"],
    ['a in ()', "unable to parse requirement: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
    ['a=b c', "found 'c', expected: ',' or 'end of string'"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['!a=b', "found '=', expected: ',' or 'end of string'"],
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a>b', `unable to parse requirement: values[0]: Invalid value: "b": for 'Gt', 'Lt' operators, the value must be an integer`],
  ])('refuses %s', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(new KeelsonError('BadRequest', message));
  });

  it('says which key or value is wrong', () => {
    expect(() => parseLabelSelector('-a=b')).toThrow(
      'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of',
    );
    expect(() => parseLabelSelector('a=b%')).toThrow(
      'unable to parse requirement: values[0][a]: Invalid value: "b%": a valid label must be',
    );
  });

  it.each([
    ['b,a', 'a,b'],
    ['a == x', 'a=x'],
    ['a != x', 'a!=x'],
    ['a in (y, x, y)', 'a in (x,y)'],
    ['a in (x)', 'a in (x)'],
    ['a > 1', 'a>1'],
  ])('writes %s as %s', (text, canonical) => {
    expect(parseLabelSelector(text).toString()).toBe(canonical);
  });

  it('reads what it writes', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
    const requirement = fc.oneof(
      fc.constantFrom('', '!').map((sign) => (key: string) => `${sign}${key}`),
      fc.tuple(fc.constantFrom('=', '!='), name).map(
        ([operator, value]) =>
          (key: string) =>
            `${key}${operator}${value}`,
      ),
      fc.tuple(fc.constantFrom('in', 'notin'), fc.uniqueArray(name, { minLength: 1, maxLength: 3 })).map(
        ([operator, values]) =>
          (key: string) =>
            `${key} ${operator} (${values.sort().join(',')})`,
      ),
    );
    fc.assert(
      fc.property(fc.dictionary(name, requirement), (parts) => {
        const text = Object.keys(parts)
          .sort()
          .map((key) => parts[key]?.(key))
          .join(',');
        expect(parseLabelSelector(text).toString()).toBe(text);
      }),
    );
  });
});

describe('labelSelectorFrom', () => {
  it('refuses expressions that lack what they need', () => {
    const nothing = {} as { key: string; operator: string };

    expect(() => labelSelectorFrom({ matchExpressions: [nothing] })).toThrow('"" is not a valid label selector operator');
    expect(() => labelSelectorFrom({ matchExpressions: [{ ...nothing, operator: 'Exists' }] })).toThrow('key: Invalid value: ""');
  });

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

describe('labelSelectorFrom, given what no selector may hold', () => {
  it('refuses Gt, and In without values', () => {
    expect(() => labelSelectorFrom({ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }] })).toThrow(
      '"Gt" is not a valid label selector operator',
    );
    expect(() => labelSelectorFrom({ matchExpressions: [{ key: 'a', operator: 'In' }] })).toThrow("values set can't be empty");
  });
});

describe('field selectors', () => {
  it.each([
    ['metadata.name=x', { 'metadata.name': 'x' }, true],
    ['a!=b', { a: 'b' }, false],
    ['a==b,c=', { a: 'b' }, true],
    ['a=b\\,c', { a: 'b,c' }, true],
    ['a=b\\=c\\\\', { a: 'b=c\\' }, true],
    ['constructor=', {}, true],
    ['', {}, true],
  ])('%s on %o: %s', (text, fields, expected) => {
    expect(matchesFields(parseFieldSelector(text), fields as Record<string, string>)).toBe(expected);
  });

  it('refuses a term without an operator', () => {
    expect(() => parseFieldSelector('a=b,abc')).toThrow("invalid selector: 'a=b,abc'; can't understand 'abc'");
  });
});

describe('field selectors, badly escaped', () => {
  it.each([
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
    ['a=b\\c', 'invalid field selector: invalid escape sequence: \\c'],
    ['a=b\\', 'invalid field selector: invalid escape sequence: \\'],
  ])('refuses %s', (text, message) => {
    expect(() => parseFieldSelector(text)).toThrow(new KeelsonError('BadRequest', message));
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
