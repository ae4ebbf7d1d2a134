import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloneJson } from '@keelson/api';
import { setSchemaDefaults } from './defaults.ts';
import { validateEmbedded } from './embedded.ts';
import { hasFormat } from './formats.ts';
import { validateListKeys } from './list-keys.ts';
import { Pruner } from './prune.ts';
import type { StructuralSchema } from './structural-schema.ts';
import { validateSchema } from './validate.ts';

const texts = (errors: readonly { field: string; message: string }[]) =>
  errors.map(({ field, message }) => `${field}: ${message}`);

function spec(schema: object): StructuralSchema {
  return { type: 'object', properties: { spec: schema } };
}

function problems(schema: object, value: unknown): string[] {
  return texts(validateSchema(spec(schema), { spec: value }));
}

describe('pruning', () => {
  it.each([
    {
      title: 'unknown fields',
      schema: { type: 'object', properties: { a: {} } },
      value: { a: 1, b: 2 },
      want: { a: 1 },
      unknown: ['spec.b'],
    },
    {
      title: 'nothing of a map',
      schema: { type: 'object', additionalProperties: { type: 'string' } },
      value: { b: 'x', ['__proto__x']: 'y' },
      want: { b: 'x', ['__proto__x']: 'y' },
      unknown: [],
    },
    {
      title: 'objects below a map of anything',
      schema: { type: 'object', additionalProperties: true },
      value: { a: 1, b: { c: 1 } },
      want: { a: 1, b: {} },
      unknown: ['spec.b.c'],
    },
    {
      title: 'nothing that is to be kept, but unknown fields of what is known in it',
      schema: {
        'x-kubernetes-preserve-unknown-fields': true,
        properties: { known: { type: 'object', properties: { a: {} } } },
      },
      value: { any: { x: [{ y: 1 }] }, known: { a: 1, b: 2 } },
      want: { any: { x: [{ y: 1 }] }, known: { a: 1 } },
      unknown: ['spec.known.b'],
    },
    {
      title: 'items',
      schema: { type: 'array', items: { type: 'object', properties: { a: {} } } },
      value: [{ a: 1 }, { b: 1 }],
      want: [{ a: 1 }, {}],
      unknown: ['spec[1].b'],
    },
    {
      title: 'not the metadata of embedded objects, but unknown fields in it',
      schema: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } },
      value: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', color: 'red' }, spec: { a: 1 }, other: 1 },
      want: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x' }, spec: {} },
      unknown: ['spec.metadata.color', 'spec.spec.a', 'spec.other'],
    },
  ])('removes $title', ({ schema, value, want, unknown }) => {
    const pruner = new Pruner();

    const { spec: pruned } = pruner.object(spec(schema), { spec: value });

    expect(pruned).toEqual(want);
    expect(pruner.unknown).toEqual(unknown);
  });

  it('refuses metadata of the wrong type, unless it has to live with what is stored', () => {
    const object = { metadata: { name: 'x', labels: 'none' } };

    expect(() => new Pruner().object(spec({}), object)).toThrow('cannot unmarshal string');
    expect(new Pruner({ lenient: true }).object(spec({}), object)).toEqual({ metadata: { name: 'x' } });
  });

  it('keeps integers that a number cannot hold, and a key that is called __proto__', () => {
    const value = JSON.parse('{"spec":{"__proto__":{"a":1}}}') as Record<string, unknown>;
    const schema = spec({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });

    const pruned = new Pruner().object(schema, value);

    expect(JSON.stringify(pruned)).toBe('{"spec":{"__proto__":{"a":1}}}');
    expect(new Pruner().object(spec({ type: 'integer' }), { spec: 9007199254740993n })).toEqual({ spec: 9007199254740993n });
  });
});

describe('defaults', () => {
  const schema = {
    type: 'object',
    properties: {
      a: { type: 'string', default: 'A' },
      b: { type: 'object', default: {}, properties: { c: { type: 'integer', default: 3 } } },
      n: { type: 'string', nullable: true, default: 'N' },
      plain: { type: 'string' },
      list: { type: 'array', items: { type: 'object', properties: { p: { type: 'string', default: 'TCP' } } } },
      map: { type: 'object', additionalProperties: { type: 'object', properties: { q: { type: 'boolean', default: true } } } },
    },
  };

  it.each([
    { title: 'what is absent, also in what is filled in', value: {}, want: { a: 'A', b: { c: 3 }, n: 'N' } },
    { title: 'a null that may not be', value: { a: null, b: null, n: null }, want: { a: 'A', b: { c: 3 }, n: null } },
    { title: 'nothing for a null without a default', value: { plain: null }, want: { a: 'A', b: { c: 3 }, n: 'N' } },
    {
      title: 'items and values of maps',
      value: { list: [{}, { p: 'UDP' }], map: { x: {} } },
      want: { a: 'A', b: { c: 3 }, n: 'N', list: [{ p: 'TCP' }, { p: 'UDP' }], map: { x: { q: true } } },
    },
  ])('fill in $title', ({ value, want }) => {
    const object = { spec: cloneJson(value) };

    setSchemaDefaults(object, spec(schema));

    expect(object.spec).toEqual(want);
  });

  it('and pruning change nothing the second time', () => {
    const schemas = fc.letrec<{ schema: object }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 3 },
        fc.record({ type: fc.constant('string'), default: fc.constant('d'), nullable: fc.boolean() }, { requiredKeys: ['type'] }),
        fc.record({ type: fc.constant('array'), items: tie('schema') }),
        fc.record({ type: fc.constant('object'), additionalProperties: tie('schema') }),
        fc.record(
          {
            type: fc.constant('object'),
            properties: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('schema'), { noNullPrototype: true }),
            default: fc.constant({}),
            'x-kubernetes-preserve-unknown-fields': fc.constant(true),
          },
          { requiredKeys: ['type', 'properties'] },
        ),
      ),
    })).schema;
    const keys = fc.constantFrom('a', 'b', 'c', 'other', '__proto__');
    const values = fc.object({
      key: keys,
      withNullPrototype: false,
      values: [fc.constant(null), fc.string(), fc.integer()],
      maxDepth: 4,
    });
    const once = (schema: StructuralSchema, value: Record<string, unknown>) => {
      const pruned = new Pruner().object(schema, value);
      setSchemaDefaults(pruned, schema);
      return pruned;
    };

    fc.assert(
      fc.property(schemas, values, (schema, value) => {
        const whole = spec(schema);
        const first = once(whole, { spec: value });
        const before = JSON.stringify(first);

        expect(JSON.stringify(once(whole, first))).toBe(before);
        expect(JSON.stringify(first)).toBe(before);
      }),
    );
  });
});

describe('validation', () => {
  it.each([
    [{ type: 'integer' }, 'x', 'spec: Invalid value: "string": spec in body must be of type integer: "string"'],
    [{ type: 'integer', maximum: 10 }, 11, 'spec: Invalid value: 11: spec in body should be less than or equal to 10'],
    [
      { type: 'integer', maximum: 10, exclusiveMaximum: true },
      10,
      'spec: Invalid value: 10: spec in body should be less than 10',
    ],
    [{ type: 'number', minimum: 0.5 }, 0.1, 'spec: Invalid value: 0.1: spec in body should be greater than or equal to 0.5'],
    [{ type: 'integer', multipleOf: 3 }, 4, 'spec: Invalid value: 4: spec in body should be a multiple of 3'],
    [
      { type: 'integer', format: 'int32' },
      3_000_000_000,
      '<nil>: Invalid value: "": Checked value must be of type integer with format int32 in spec',
    ],
    [{ type: 'string' }, null, 'spec: Invalid value: "null": spec in body must be of type string: "null"'],
    [{ type: 'string', maxLength: 2 }, '💚💚💚', 'spec: Too long: may not be more than 2 bytes'],
    [{ type: 'string', minLength: 2 }, '💚', 'spec: Invalid value: "💚": spec in body should be at least 2 chars long'],
    [{ type: 'string', pattern: '^a+$' }, 'b', 'spec: Invalid value: "b": spec in body should match \'^a+$\''],
    [{ type: 'string', enum: ['a', 'b'] }, 'c', 'spec: Unsupported value: "c": supported values: "a", "b"'],
    [{ type: 'string', format: 'date-time' }, 'now', 'spec: Invalid value: "now": spec in body must be of type date-time: "now"'],
    [{ type: 'array', items: {}, maxItems: 1 }, [1, 2], 'spec: Too many: 2: must have at most 1 item'],
    [{ type: 'array', items: {}, minItems: 1 }, [], 'spec: Invalid value: 0: spec in body should have at least 1 items'],
    [
      { type: 'array', items: { type: 'string' } },
      ['a', 1],
      'spec[1]: Invalid value: "integer": spec[1] in body must be of type string: "integer"',
    ],
    [{ type: 'object', required: ['a'] }, {}, 'spec.a: Required value'],
    [{ type: 'object', maxProperties: 0 }, { a: 1 }, 'spec: Too many: 1: must have at most 0 items'],
    [{ type: 'object', minProperties: 1 }, {}, 'spec: Invalid value: 0: spec in body should have at least 1 properties'],
    [
      { 'x-kubernetes-int-or-string': true },
      true,
      'spec: Invalid value: "boolean": spec in body must be of type integer,string: "boolean"',
    ],
    [{ not: { enum: ['a'] } }, 'a', '<nil>: Invalid value: "": "spec" must not validate the schema (not)'],
  ])('%o of %o: %s', (schema, value, want) => {
    expect(problems(schema, value)).toEqual([want]);
  });

  it.each([
    [{ type: 'integer' }, 9007199254740993n],
    [{ type: 'number' }, 1],
    [{ type: 'string', nullable: true }, null],
    [{ 'x-kubernetes-int-or-string': true }, '50%'],
    [{ type: 'string', format: 'unknown' }, 'x'],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, { a: 1 }],
    [{ anyOf: [{ required: ['a'] }, { required: ['b'] }], properties: { a: {}, b: {} } }, { b: 1 }],
    [{ oneOf: [{ required: ['a'] }, { required: ['b'] }], properties: { a: {}, b: {} } }, { b: 1 }],
    [{ allOf: [{ minimum: 1 }, { maximum: 3 }], type: 'integer' }, 2],
    [{ type: 'number', multipleOf: 0.1 }, 0.3],
  ])('%o of %o is fine', (schema, value) => {
    expect(problems(schema, value)).toEqual([]);
  });

  it('says of alternatives which one failed, and tells of the one that got furthest', () => {
    const schema = { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }], properties: { a: {}, b: {} } };

    expect(problems(schema, { a: 1, b: 2 })).toEqual([
      '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ]);
    expect(problems(schema, {})).toEqual([
      '<nil>: Invalid value: "": "spec" must validate one and only one schema (oneOf). Found none valid',
      'spec.a: Required value',
    ]);
  });

  it('has upstream’s reasons', () => {
    const schema = {
      type: 'object',
      required: ['r'],
      properties: { t: { type: 'string' }, e: { enum: ['x'] }, m: { maximum: 1 } },
    };

    expect(
      validateSchema(spec(schema), { spec: { t: 1, e: 'y', m: 2 } })
        .map(({ type }) => type)
        .sort(),
    ).toEqual(['FieldValueInvalid', 'FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTypeInvalid']);
  });

  it('forgives what was wrong before and is unchanged, item by item where keys tell them apart', () => {
    const items = { type: 'object', properties: { name: { type: 'string' }, size: { type: 'integer', maximum: 1 } } };
    const schema = spec({
      type: 'object',
      properties: {
        a: { type: 'integer', maximum: 1 },
        byName: { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
        plain: { type: 'array', items },
      },
    });
    const before = { spec: { a: 5, byName: [{ name: 'x', size: 5 }], plain: [{ name: 'x', size: 5 }] } };
    const value = {
      spec: {
        a: 5,
        byName: [
          { name: 'new', size: 0 },
          { name: 'x', size: 5 },
        ],
        plain: [{ name: 'y' }, { name: 'x', size: 5 }],
      },
    };

    expect(texts(validateSchema(schema, before, { before: { value: before } }))).toEqual([]);
    expect(texts(validateSchema(schema, value, { before: { value: before } }))).toEqual([
      'spec.plain[1].size: Invalid value: 5: spec.plain[1].size in body should be less than or equal to 1',
    ]);
  });

  it('names fields of a part of an object', () => {
    expect(
      texts(validateSchema({ properties: { n: { type: 'integer', minimum: 0 } } }, { n: -1 }, { prefix: 'status' })),
    ).toEqual(['status.n: Invalid value: -1: n in body should be greater than or equal to 0']);
  });

  it.each([
    { pattern: '^(a+)+$', value: `${'a'.repeat(100_000)}b`, want: /should match '\^\(a\+\)\+\$'/ },
    { pattern: 'a?'.repeat(4_000), value: 'b'.repeat(1_000_000), want: /spec in body is too long to be matched with/ },
    { pattern: `a{1,${'9'.repeat(20_000)}}`, value: 'a', want: /should match/ },
  ])('is not stalled by a pattern: $want', ({ pattern, value, want }) => {
    expect(problems({ type: 'string', pattern }, value)).toEqual([expect.stringMatching(want)]);
  });
});

describe('lists with keys', () => {
  const sets = { type: 'array', 'x-kubernetes-list-type': 'set', items: {} };
  const maps = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['a', 'b'],
    items: { type: 'object', properties: { inner: sets } },
  };

  it.each([
    { schema: sets, value: ['x', 'y', 'x', 'x'], want: ['spec[2]: Duplicate value: "x"'] },
    { schema: sets, value: [1, '1'], want: [] },
    {
      schema: maps,
      value: [
        { a: 1, b: 2 },
        { b: 2, a: 1, c: 3 },
      ],
      want: ['spec[1]: Duplicate value: {"a":1,"b":2}'],
    },
    { schema: maps, value: [{ a: 1 }, { a: 1, b: 1 }, { a: 1 }], want: ['spec[2]: Duplicate value: {"a":1}'] },
    { schema: maps, value: [{ a: 1, inner: ['z', 'z'] }], want: ['spec[0].inner[1]: Duplicate value: "z"'] },
    { schema: maps, value: [1], want: ['spec[0]: Invalid value: 1: must be an object for an array of list-type map'] },
  ])('$value', ({ schema, value, want }) => {
    expect(texts(validateListKeys(spec(schema), { spec: value }))).toEqual(want);
  });
});

it('judges the head and metadata of embedded objects', () => {
  const schema = spec({ type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true });

  expect(
    texts(validateEmbedded(schema, { spec: { apiVersion: 'a/b/c', kind: '', metadata: { labels: { '-': 'x' } } } })),
  ).toEqual([
    'spec.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
    'spec.kind: Invalid value: "": must not be empty',
    expect.stringMatching(/^spec\.metadata\.labels: Invalid value: "-"/),
  ]);
  expect(texts(validateEmbedded(schema, { spec: {} }))).toEqual(['spec.apiVersion: Required value', 'spec.kind: Required value']);
});

describe('formats', () => {
  it.each([
    ['uri', ['https://a.b/c', '/path'], ['a b', 'relative', '']],
    ['email', ['a@b.c', 'A <a@b.c>'], ['a', '@b', 'a@']],
    ['hostname', ['a.example', 'x'], ['-a.example', 'a_b.example', 'a.e1']],
    ['ipv4', ['1.2.3.4', '01.2.3.4'], ['1.2.3', '::1']],
    ['ipv6', ['::1'], ['1.2.3.4']],
    ['cidr', ['10.0.0.0/8', '::/0'], ['10.0.0.0/33', '10.0.0.0']],
    ['mac', ['aa:bb:cc:dd:ee:ff', 'aabb.ccdd.eeff'], ['aa:bb', 'aa:bb:cc:dd:ee-ff']],
    ['uuid4', ['11111111-1111-4111-8111-111111111111'], ['11111111-1111-3111-8111-111111111111']],
    ['isbn', ['0321751043', '978-0321751041'], ['0321751044']],
    ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112']],
    ['ssn', ['123-45-6789'], ['123-45']],
    ['hexcolor', ['#fff', 'ABCDEF'], ['#ff']],
    ['rgbcolor', ['rgb(0,1,255)'], ['rgb(0,1,256)']],
    ['byte', ['YQ=='], ['YQ', '']],
    ['date', ['2024-02-29'], ['2023-02-29', '2024-13-01']],
    [
      'date-time',
      ['2024-02-29T23:59:59.5Z', '2024-02-29t00:00:00+01:00'],
      ['2024-02-29', '2024-02-29T24:00:00Z', '2024-02-29T00:00:00'],
    ],
    ['duration', ['1h30m', '22 ns', '3 days', '-1.5s'], ['x', '', '5 parsecs']],
    ['k8s-short-name', ['a-b'], ['a.b', 'A']],
    ['k8s-long-name', ['a.b'], ['a..b']],
  ])('%s', (format, good, bad) => {
    expect(good.filter((text) => !hasFormat(format, text))).toEqual([]);
    expect(bad.filter((text) => hasFormat(format, text))).toEqual([]);
  });
});
