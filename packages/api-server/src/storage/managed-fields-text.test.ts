import { parseFieldSet, setOfText } from '@keelson/api/structured-merge';
import type { ManagedFieldsEntry } from '@keelson/api/meta/v1';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entriesText, readEntries } from './managed-fields-text.ts';

const text = fc.string({ unit: fc.constantFrom('a', '"', '\\', '{', '}', '[', ']', ',', 'f:', '"fieldsV1":{', 'é') });
const entry = fc.record({
  manager: text,
  operation: fc.constantFrom('Apply', 'Update'),
  apiVersion: fc.constant('v1'),
  time: fc.option(fc.constant('2026-01-01T00:00:00Z'), { nil: undefined }),
  fieldsType: fc.constant('FieldsV1'),
  fieldsV1: fc
    .array(fc.tuple(text, text))
    .map((paths) => parseFieldSet(Object.fromEntries(paths.map(([a, b]) => [`f:${a}`, { [`v:${JSON.stringify(b)}`]: {} }])))),
  subresource: fc.option(fc.constant('status'), { nil: undefined }),
});
const withoutNothing = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('entries of managedFields', () => {
  it('are written as JSON', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1 }), (entries) => {
        expect(JSON.parse(entriesText(entries as ManagedFieldsEntry[]))).toEqual(withoutNothing(entries));
      }),
    );
  });

  it('are read back, wherever they are in a text, or left to be parsed', () => {
    fc.assert(
      fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), text, (entries, around) => {
        const whole = `${around}${entriesText(entries as ManagedFieldsEntry[])}${around}`;

        const read = readEntries(whole, around.length, setOfText);

        if (read) expect(read.entries).toEqual(withoutNothing(entries));
        if (read) expect(whole.slice(read.end)).toBe(around);
        expect(read !== undefined || entries.some(({ manager }) => manager.includes('}'))).toBe(true);
      }),
    );
  });

  it.each([
    '',
    '[',
    '[]',
    '[{}]',
    '[{"fieldsV1":{}',
    '[{"fieldsV1":{"f:a":{}}',
    '[{"manager":,"fieldsV1":{}}]',
    '[ {"fieldsV1":{}}]',
    '[{"fieldsV1":{"f:a',
  ])('are not read from %j', (broken) => {
    expect(readEntries(broken, 0, setOfText)).toBeUndefined();
  });

  it('are not read if a set in them is unknown', () => {
    expect(readEntries('[{"fieldsV1":{"f:nobody-has-this":{}}}]', 0, () => undefined)).toBeUndefined();
  });
});
