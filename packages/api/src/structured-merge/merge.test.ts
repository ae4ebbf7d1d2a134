import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compare } from './compare.ts';
import { EMPTY, isEmptySet, isSubset, union } from './field-set.ts';
import { merge } from './merge.ts';
import { removeFields } from './remove.ts';
import { tableSchema } from './table-schema.ts';
import { checkConfiguration } from './validate.ts';
import { SCALAR, UNTYPED, type MapSchema, type ValueSchema } from './value-schema.ts';
import { configurationSet, createdSet } from './whole-set.ts';

const item: MapSchema = {
  type: 'map',
  fields: new Map<string, ValueSchema>([
    ['name', SCALAR],
    ['protocol', SCALAR],
    ['value', SCALAR],
    ['labels', { type: 'map', fields: new Map(), values: SCALAR }],
  ]),
  defaults: new Map([['protocol', 'TCP']]),
};

/** Something of everything. */
const SCHEMA: MapSchema = {
  type: 'map',
  fields: new Map<string, ValueSchema>([
    ['scalar', SCALAR],
    ['labels', { type: 'map', fields: new Map(), values: SCALAR }],
    ['selector', { type: 'map', atomic: true, fields: new Map(), values: SCALAR }],
    ['set', { type: 'list', listType: 'set', items: SCALAR }],
    ['atomic', { type: 'list', listType: 'atomic', items: SCALAR }],
    ['items', { type: 'list', listType: 'map', keys: ['name', 'protocol'], items: item }],
    ['any', UNTYPED],
  ]),
};

const scalar = fc.oneof(fc.constantFrom('a', 'b', '__proto__'), fc.integer({ min: 0, max: 3 }), fc.boolean());
const key = fc.constantFrom('a', 'b', 'constructor', '__proto__');
const labels = fc.dictionary(key, scalar, { maxKeys: 3, noNullPrototype: true });
const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const items = fc.uniqueArray(
  fc.record(
    { name: fc.constantFrom('x', 'y', 'z'), protocol: fc.constantFrom('TCP', 'UDP'), value: scalar, labels },
    { requiredKeys: ['name'] },
  ),
  { maxLength: 4, selector: ({ name, protocol }) => `${name}/${protocol ?? 'TCP'}` },
);

const object = fc
  .record({
    scalar: some(scalar),
    labels: some(labels),
    selector: some(labels),
    set: some(fc.uniqueArray(scalar, { maxLength: 3 })),
    atomic: some(fc.array(scalar, { maxLength: 3 })),
    items: some(items),
    any: some(fc.jsonValue({ maxDepth: 2 })),
  })
  // As it comes out of JSON: without keys that have no value.
  .map((value): unknown => JSON.parse(JSON.stringify(value)));

describe('merge', () => {
  it('of an object into itself changes nothing', () => {
    fc.assert(
      fc.property(object, (one) => {
        expect(merge(SCHEMA, one, structuredClone(one))).toEqual(one);
      }),
    );
  });

  it('leaves both as they are', () => {
    fc.assert(
      fc.property(object, object, (live, configuration) => {
        const before = JSON.stringify([live, configuration]);

        merge(SCHEMA, live, configuration);

        expect(JSON.stringify([live, configuration])).toBe(before);
      }),
    );
  });

  it('is done after one time', () => {
    fc.assert(
      fc.property(object, object, (live, configuration) => {
        const once = merge(SCHEMA, live, configuration);

        expect(merge(SCHEMA, once, configuration)).toEqual(once);
      }),
    );
  });

  it('removes nothing, and sets each leaf of the configuration', () => {
    fc.assert(
      fc.property(object, object, (live, configuration) => {
        // An untyped value may change its type: then what was in it goes.
        const [mine, theirs] = [without(live, 'any'), without(configuration, 'any')];
        const merged = merge(SCHEMA, mine, theirs);

        expect(isEmptySet(compare(SCHEMA, mine, merged).removed)).toBe(true);
        const left = compare(SCHEMA, merged, merge(SCHEMA, merged, theirs));
        expect(left).toEqual({ added: {}, modified: {}, removed: {} });
      }),
    );
  });

  it.each([
    ['keeps the order if the configuration says nothing else', ['a', 'b', 'c'], ['a', 'c'], ['a', 'b', 'c']],
    ['takes the order of the configuration for shared items', ['a', 'b', 'c', 'd'], ['d', 'x', 'a'], ['b', 'c', 'd', 'x', 'a']],
    ['puts new items where the configuration has them', ['a', 'b'], ['a', 'x', 'b'], ['a', 'x', 'b']],
    ['appends new items behind those that are there', ['a', 'b'], ['x'], ['a', 'b', 'x']],
    ['turns a list around', ['a', 'b', 'c'], ['c', 'b', 'a'], ['c', 'b', 'a']],
    ['fills an empty list', [], ['b', 'a'], ['b', 'a']],
    ['drops what was there twice', ['a', 'b', 'a'], ['a'], ['a', 'b']],
  ])('%s', (_title, live, configuration, want) => {
    expect(merge(SCHEMA, { set: live }, { set: configuration })).toEqual({ set: want });
  });

  it('tells items apart by keys with their defaults', () => {
    const merged = merge(
      SCHEMA,
      {
        items: [
          { name: 'x', protocol: 'TCP', value: 1 },
          { name: 'x', protocol: 'UDP' },
        ],
      },
      { items: [{ name: 'x', value: 2 }] },
    );

    expect(merged).toEqual({
      items: [
        { name: 'x', protocol: 'TCP', value: 2 },
        { name: 'x', protocol: 'UDP' },
      ],
    });
  });

  it('replaces what is atomic', () => {
    const merged = merge(SCHEMA, { selector: { a: 1 }, atomic: [1] }, { selector: { b: 2 }, atomic: [2] });

    expect(merged).toEqual({ selector: { b: 2 }, atomic: [2] });
  });
});

function without(value: unknown, name: string): unknown {
  return Object.fromEntries(Object.entries(value as object).filter(([field]) => field !== name));
}

describe('compare', () => {
  it('finds nothing between equal objects', () => {
    fc.assert(
      fc.property(object, (one) => {
        expect(compare(SCHEMA, one, structuredClone(one))).toEqual({ added: EMPTY, modified: EMPTY, removed: EMPTY });
      }),
    );
  });

  it('is the other way round, from the other side', () => {
    fc.assert(
      fc.property(object, object, (one, other) => {
        const [there, back] = [compare(SCHEMA, one, other), compare(SCHEMA, other, one)];

        expect(there.added).toEqual(back.removed);
        expect(there.removed).toEqual(back.added);
        expect(there.modified).toEqual(back.modified);
      }),
    );
  });

  it('from nothing finds what a new object sets', () => {
    fc.assert(
      fc.property(object, (one) => {
        expect(compare(SCHEMA, {}, one).added).toEqual(createdSet(SCHEMA, one));
      }),
    );
  });

  it('says what is removed so that removing it leaves what is left', () => {
    fc.assert(
      fc.property(object, object, (live, configuration) => {
        const [mine, theirs] = [without(live, 'any'), without(configuration, 'any')];
        const merged = merge(SCHEMA, mine, theirs);
        const { added } = compare(SCHEMA, mine, merged);

        const back = compare(SCHEMA, mine, removeFields(SCHEMA, merged, added) ?? {});

        expect([back.added, back.removed]).toEqual([{}, {}]);
      }),
    );
  });

  it('names the parts of a change', () => {
    const old = { scalar: 1, labels: { a: 'x', b: 'y' }, atomic: [1, 2], set: ['p', 'q'], items: [{ name: 'x', value: 1 }] };
    const next = {
      scalar: 1,
      labels: { a: 'z', c: 'y' },
      atomic: [2],
      set: ['q', 'r'],
      items: [{ name: 'x', value: 2 }],
      selector: { k: 'v' },
    };

    const { added, modified, removed } = compare(SCHEMA, old, next);

    expect(added).toEqual({ 'f:labels': { 'f:c': {} }, 'f:set': { 'v:"r"': {} }, 'f:selector': {} });
    expect(modified).toEqual({
      'f:labels': { 'f:a': {} },
      'f:atomic': {},
      'f:items': { 'k:{"name":"x","protocol":"TCP"}': { 'f:value': {} } },
    });
    expect(removed).toEqual({ 'f:labels': { 'f:b': {} }, 'f:set': { 'v:"p"': {} } });
  });

  it('takes items that are there twice for one', () => {
    const once = { items: [{ name: 'x', value: 1 }] };
    const twice = {
      items: [
        { name: 'x', value: 1 },
        { name: 'x', value: 2 },
      ],
    };
    const id = 'k:{"name":"x","protocol":"TCP"}';

    expect(compare(SCHEMA, once, twice)).toEqual({
      added: { 'f:items': { [id]: {} } },
      modified: {},
      removed: { 'f:items': { [id]: { '.': {}, 'f:name': {}, 'f:value': {} } } },
    });
    expect(compare(SCHEMA, twice, { items: twice.items.toReversed() }).modified).toEqual({ 'f:items': { [id]: {} } });
    expect(compare(SCHEMA, twice, structuredClone(twice)).modified).toEqual({});
  });
});

describe('the set of a configuration', () => {
  it('has leaves, items and keys of maps, and of structs what is in them', () => {
    const set = configurationSet(SCHEMA, {
      scalar: 1,
      labels: { a: 'x' },
      selector: { a: 'x' },
      atomic: [],
      set: ['p'],
      items: [{ name: 'x', labels: {} }],
      any: { deep: { er: [1] } },
    });

    expect(set).toEqual({
      'f:scalar': {},
      'f:labels': { 'f:a': {} },
      'f:selector': {},
      'f:atomic': {},
      'f:set': { 'v:"p"': {} },
      'f:items': { 'k:{"name":"x","protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:labels': {} } },
      'f:any': { 'f:deep': { '.': {}, 'f:er': {} } },
    });
  });

  it('is a subset of the set of what is created by it, but for empty lists', () => {
    fc.assert(
      fc.property(object, (one) => {
        expect(isSubset(configurationSet(SCHEMA, one), union(createdSet(SCHEMA, one), EMPTY))).toBe(true);
      }),
    );
  });
});

describe('the tables', () => {
  const pod = tableSchema('core.v1.Pod');

  it('know the keys of lists and their defaults', () => {
    const ports = [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP' }];
    const spec = { containers: [{ name: 'a', ports }], nodeSelector: { a: 'b' }, tolerations: [{ key: 'x' }] };

    expect(configurationSet(pod, { spec })).toEqual({
      'f:spec': {
        'f:containers': {
          'k:{"name":"a"}': {
            '.': {},
            'f:name': {},
            'f:ports': {
              'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} },
              'k:{"containerPort":80,"protocol":"UDP"}': { '.': {}, 'f:containerPort': {}, 'f:protocol': {} },
            },
          },
        },
        'f:nodeSelector': {},
        'f:tolerations': {},
      },
    });
  });

  it('know what an empty object of Go has', () => {
    const set = createdSet(tableSchema('apps.v1.Deployment'), {
      metadata: { name: 'a', labels: { app: 'a' } },
      spec: {
        replicas: 1,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
        selector: { matchLabels: { app: 'a' } },
        template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i', resources: {} }] } },
      },
    });

    expect(set).toEqual({
      'f:metadata': { 'f:name': {}, 'f:labels': { '.': {}, 'f:app': {} } },
      'f:spec': {
        'f:replicas': {},
        'f:strategy': { 'f:type': {}, 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} } },
        'f:selector': {},
        'f:template': {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': { 'f:containers': { 'k:{"name":"c"}': { '.': {}, 'f:name': {}, 'f:image': {}, 'f:resources': {} } } },
        },
      },
    });
  });

  it('know types that hold themselves', () => {
    const schema = tableSchema('apiextensions.v1.CustomResourceDefinition');
    const openAPIV3Schema = { type: 'object', properties: { a: { properties: { b: { type: 'string' } } } } };

    const set = configurationSet(schema, { spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema } }] } });

    expect(set).toEqual({ 'f:spec': { 'f:versions': {} } });
  });

  it.each([
    [{ spec: { replicas: 'x' } }, '.spec.replicas: expected numeric (int or float), got string'],
    [{ spec: { nope: 1 } }, '.spec.nope: field not declared in schema'],
    [{ spec: [] }, '.spec: expected map, got &{[]}'],
    [{ spec: { template: { spec: { containers: {} } } } }, '.spec.template.spec.containers: expected list, got &{{}}'],
    [
      { spec: { template: { spec: { containers: [{ name: 'a' }, { name: 'a' }] } } } },
      '.spec.template.spec.containers: duplicate entries for key [name="a"]',
    ],
    [
      {
        spec: {
          template: {
            spec: { containers: [{ name: 'a', ports: [{ containerPort: 1 }, { containerPort: 1, protocol: 'TCP' }] }] },
          },
        },
      },
      '.spec.template.spec.containers[name="a"].ports: duplicate entries for key [containerPort=1,protocol="TCP"]',
    ],
    [
      { spec: { template: { spec: { containers: [{ image: 'a' }] } } } },
      `.spec.template.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn't have default values for any key fields)`,
    ],
    [
      { spec: { nope: 1, replicas: true } },
      'errors:\n  .spec.nope: field not declared in schema\n  .spec.replicas: expected numeric (int or float), got bool',
    ],
  ])('refuse %j', (value, message) => {
    expect(() => checkConfiguration(tableSchema('apps.v1.Deployment'), value)).toThrow(message);
  });
});
