import { parseJson, parseJsonStrict } from '@keelson/api';
import { isPooledSet, setOfText } from '@keelson/api/structured-merge';
import { describe, expect, it } from 'vitest';
import type { RawBody } from './body.ts';
import { parseSharing } from './shared-sets.ts';

const FIELDS = '{"f:data":{"f:shared-sets-test":{}}}';
const OWNERS = `"managedFields":[{"manager":"a","operation":"Update","fieldsV1":${FIELDS}}]`;
setOfText(FIELDS);

const parse = (text: string): RawBody => ({ value: parseJson(text), duplicates: [] });

describe('a body with managedFields', () => {
  it('is what it is as JSON, and shares the sets that are in use', () => {
    const text = `{"kind":"ConfigMap","metadata":{"name":"a",${OWNERS},"labels":{"x":"y"}},"data":{"k":"v"}}`;

    const { value } = parseSharing(text, parse) as { value: { metadata: { managedFields: { fieldsV1: object }[] } } };

    expect(value).toEqual(JSON.parse(text));
    expect(value.metadata.managedFields.map(({ fieldsV1 }) => isPooledSet(fieldsV1))).toEqual([true]);
  });

  it.each([
    ['none', '{"metadata":{"name":"a"}}'],
    ['those of a template', `{"metadata":{"name":"a"},"spec":{"template":{"metadata":{${OWNERS}}}}}`],
    ['some at the root', `{${OWNERS}}`],
    ['some twice', `{"metadata":{${OWNERS},"managedFields":[]}}`],
    ['some in a text', JSON.stringify({ metadata: { annotations: { last: `{${OWNERS}}` } } })],
    ['a set that nobody else has', `{"metadata":{${OWNERS.replace('f:data', 'f:other')}}}`],
    ['spaces', `{"metadata":{${OWNERS.replace('[{', '[ {')}}}`],
    ['no metadata', `[${JSON.stringify({ a: 1 })},"managedFields"]`],
  ])('is what it is as JSON: with %s', (_title, text) => {
    expect(parseSharing(text, parse).value).toEqual(JSON.parse(text));
  });

  it('tells of keys that are there twice', () => {
    const text = `{"metadata":{${OWNERS},"name":"a","name":"b"},"data":{}}`;

    expect(parseSharing(text, parseJsonStrict).duplicates).toEqual(['metadata.name']);
  });

  it('is refused if it breaks off', () => {
    expect(() => parseSharing(`{"metadata":{${OWNERS}`, parse)).toThrow('Cannot parse JSON');
  });
});
