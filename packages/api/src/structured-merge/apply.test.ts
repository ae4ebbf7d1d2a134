import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyConfiguration, type ApplyResult } from './apply.ts';
import { compare } from './compare.ts';
import { hasPath, isEmptySet, isSubset, pathsOf, sortedSet, union, type FieldSet } from './field-set.ts';
import { ownerId, ownersAfterUpdate, type FieldOwners, type TrackedWrite, type VersionedSchemas } from './managers.ts';
import { SCALAR, type MapSchema, type ValueSchema } from './value-schema.ts';
import { configurationSet } from './whole-set.ts';

const map = (values: ValueSchema): MapSchema => ({ type: 'map', fields: new Map(), values });
const item: MapSchema = {
  type: 'map',
  fields: new Map<string, ValueSchema>([
    ['name', SCALAR],
    ['value', SCALAR],
    ['labels', map(SCALAR)],
  ]),
};
const spec: MapSchema = {
  type: 'map',
  fields: new Map<string, ValueSchema>([
    ['replicas', SCALAR],
    ['items', { type: 'list', listType: 'map', keys: ['name'], items: item }],
    ['set', { type: 'list', listType: 'set', items: SCALAR }],
    ['atomic', { type: 'list', listType: 'atomic', items: SCALAR }],
  ]),
};
const SCHEMA: MapSchema = {
  type: 'map',
  fields: new Map<string, ValueSchema>([
    ['data', map(SCALAR)],
    ['spec', spec],
  ]),
};

/** `v2` has `spec` under the name of `body`. */
const RENAMED: MapSchema = {
  ...SCHEMA,
  fields: new Map<string, ValueSchema>([
    ['data', map(SCALAR)],
    ['body', spec],
  ]),
};
type Record1 = Record<string, unknown>;

const versions: VersionedSchemas = {
  schemaOf: (version) => (version === 'v1' ? SCHEMA : version === 'v2' ? RENAMED : undefined),
  convert: (object, from, to) => {
    const { spec: one, body: two, ...rest } = (object ?? {}) as Record1;
    const part = from === 'v1' ? one : two;
    if (part === undefined) return rest;
    return { ...rest, [to === 'v1' ? 'spec' : 'body']: part };
  },
  withoutIgnored: (fields) => fields,
};

const letter = fc.constantFrom('a', 'b', 'c');
const some = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const labels = fc.dictionary(letter, letter, { minKeys: 1, maxKeys: 2, noNullPrototype: true });
const configuration = fc
  .record({
    data: some(labels),
    spec: some(
      fc.record({
        replicas: some(fc.integer({ min: 1, max: 3 })),
        items: some(
          fc.uniqueArray(fc.record({ name: letter, value: some(letter), labels: some(labels) }), {
            minLength: 1,
            maxLength: 3,
            selector: ({ name }) => name,
          }),
        ),
        set: some(fc.uniqueArray(letter, { minLength: 1, maxLength: 3 })),
        atomic: some(fc.array(letter, { minLength: 1, maxLength: 2 })),
      }),
    ),
  })
  // As it comes out of JSON; without a spec that says nothing.
  .map((value): Record1 => JSON.parse(JSON.stringify(value)) as Record1)
  .map(({ spec: part, ...rest }) => (part && Object.keys(part).length > 0 ? { ...rest, spec: part } : rest));

interface State {
  readonly object: unknown;
  readonly owners: FieldOwners;
}

const NOTHING: State = { object: {}, owners: new Map() };

const writeOf = (owners: FieldOwners, manager: string, operation: 'Apply' | 'Update', apiVersion = 'v1'): TrackedWrite => ({
  versions,
  owners,
  self: { manager, operation, apiVersion, subresource: '' },
  now: '2026-01-01T00:00:00Z',
});

function tryApply(
  { object, owners }: State,
  manager: string,
  wanted: unknown,
  options: { force?: boolean; version?: string } = {},
): ApplyResult {
  const { force = false, version = 'v1' } = options;
  const live = versions.convert(object, 'v1', version);
  return applyConfiguration(writeOf(owners, manager, 'Apply', version), { live, configuration: wanted, force });
}

function apply(
  state: State,
  manager: string,
  wanted: unknown,
  options: { force?: boolean; version?: string } = { force: true },
): State {
  const result = tryApply(state, manager, wanted, options);
  if (result.type === 'conflict') throw new Error('a conflict');
  return { object: versions.convert(result.object, options.version ?? 'v1', 'v1'), owners: result.owners };
}

function update({ object, owners }: State, manager: string, next: unknown): State {
  return { object: next, owners: ownersAfterUpdate(writeOf(owners, manager, 'Update'), object, next) };
}

const fieldsOf = ({ owners }: State, manager: string, operation: 'Apply' | 'Update' = 'Apply'): FieldSet =>
  owners.get(ownerId({ manager, operation, apiVersion: 'v1', subresource: '' }))?.fields ?? {};
const shown = ({ object, owners }: State): unknown => [
  object,
  [...owners].map(([id, { fields }]) => [id, JSON.stringify(sortedSet(fields))]).toSorted(),
];
const allOwned = ({ owners }: State): FieldSet =>
  [...owners.values()].reduce<FieldSet>((all, { fields }) => union(all, fields), {});

/** Anybody does anything, one after the other. */
const history = fc.array(
  fc.record({ manager: fc.constantFrom('one', 'two'), operation: fc.constantFrom('apply', 'update'), wanted: configuration }),
  { maxLength: 5 },
);

function play(steps: readonly { manager: string; operation: string; wanted: Record1 }[]): State {
  return steps.reduce((state, { manager, operation, wanted }) => {
    return operation === 'apply' ? apply(state, manager, wanted) : update(state, manager, wanted);
  }, NOTHING);
}

describe('apply', () => {
  it('done twice is done once, whatever was before', () => {
    fc.assert(
      fc.property(history, configuration, (steps, wanted) => {
        const once = apply(play(steps), 'me', wanted);

        const twice = tryApply(once, 'me', wanted);

        expect(twice).toMatchObject({ type: 'applied' });
        expect(twice.type === 'applied' && twice.object).toEqual(once.object);
        expect(shown(apply(once, 'me', wanted))).toEqual(shown(once));
      }),
    );
  });

  it('makes the manager the owner of exactly what it applied, and that is there', () => {
    fc.assert(
      fc.property(history, configuration, (steps, wanted) => {
        const state = apply(play(steps), 'me', wanted);

        expect(sortedSet(fieldsOf(state, 'me'))).toEqual(sortedSet(configurationSet(SCHEMA, wanted)));
        expect(isSubset(fieldsOf(state, 'me'), configurationSet(SCHEMA, state.object))).toBe(true);
      }),
    );
  });

  it('without force never takes what others own, nor changes it', () => {
    fc.assert(
      fc.property(history, configuration, (steps, wanted) => {
        const before = play(steps);
        const result = tryApply(before, 'me', wanted);
        if (result.type === 'conflict') {
          expect(result.conflicts.every(({ owner, path }) => hasPath(owner.fields, path))).toBe(true);
          return;
        }

        for (const manager of ['one', 'two']) {
          for (const operation of ['Apply', 'Update'] as const) {
            expect(fieldsOf({ ...before, owners: result.owners }, manager, operation)).toEqual(
              fieldsOf(before, manager, operation),
            );
          }
        }
        const { removed, modified } = compare(SCHEMA, before.object, result.object);
        const others = allOwned(before);
        for (const path of pathsOf(union(removed, modified))) expect(hasPath(others, path)).toBe(false);
      }),
    );
  });

  it('of nothing takes away what the manager alone had applied, and nothing else', () => {
    fc.assert(
      fc.property(history, configuration, (steps, wanted) => {
        const before = play(steps);
        const applied = apply(before, 'me', wanted);

        const left = apply(applied, 'me', {});

        expect(isEmptySet(fieldsOf(left, 'me'))).toBe(true);
        const { added, modified, removed } = compare(SCHEMA, applied.object, left.object);
        expect([added, modified]).toEqual([{}, {}]);
        for (const path of pathsOf(removed)) expect(hasPath(allOwned(left), path)).toBe(false);
      }),
    );
  });

  it('by two who want nothing of each other leads to the same in either order', () => {
    fc.assert(
      fc.property(labels, labels, (mine, theirs) => {
        const one = { data: Object.fromEntries(Object.entries(mine).map(([key, value]) => [`one-${key}`, value])) };
        const two = { data: Object.fromEntries(Object.entries(theirs).map(([key, value]) => [`two-${key}`, value])) };

        const there = apply(apply(NOTHING, 'one', one, {}), 'two', two, {});
        const back = apply(apply(NOTHING, 'two', two, {}), 'one', one, {});

        expect(shown(there)).toEqual(shown(back));
      }),
    );
  });

  it('shares equal values, whoever comes first', () => {
    fc.assert(
      fc.property(configuration, (wanted) => {
        const state = apply(apply(NOTHING, 'one', wanted, {}), 'two', wanted, {});

        expect(sortedSet(fieldsOf(state, 'one'))).toEqual(sortedSet(fieldsOf(state, 'two')));
        expect(compare(SCHEMA, apply(state, 'one', {}).object, state.object).added).toEqual({});
      }),
    );
  });

  it('in another version tells of conflicts in the version of their owners, and removes what was applied there', () => {
    const wanted = { spec: { replicas: 1, set: ['a', 'b'] } };
    const state = apply(NOTHING, 'me', wanted);

    const refused = tryApply(state, 'other', { body: { replicas: 2 } }, { version: 'v2' });
    const applied = apply(state, 'me', { body: { set: ['b'] } }, { version: 'v2' });

    expect(refused).toMatchObject({ conflicts: [{ owner: { manager: 'me' }, path: ['f:spec', 'f:replicas'] }] });
    expect(applied.object).toEqual({ spec: { set: ['b'] } });
    expect([...applied.owners.values()]).toMatchObject([
      { apiVersion: 'v2', fields: { 'f:body': { 'f:set': { 'v:"b"': {} } } } },
    ]);
  });

  it('forgets what was managed in versions that are gone', () => {
    const state = apply(NOTHING, 'me', { data: { a: 'a' } });
    const owners = new Map([...state.owners].map(([id, owner]) => [id, { ...owner, apiVersion: 'v0' }]));

    const applied = apply({ object: state.object, owners }, 'other', { data: { a: 'b' } }, {});

    expect([...applied.owners.values()].map(({ manager }) => manager)).toEqual(['other']);
  });

  it('owns as a whole what has become atomic', () => {
    const owners = new Map([
      [
        ownerId({ manager: 'me', operation: 'Apply', apiVersion: 'v1', subresource: '' }),
        {
          manager: 'me',
          operation: 'Apply' as const,
          apiVersion: 'v1',
          subresource: '',
          fields: { 'f:spec': { 'f:atomic': { 'v:"a"': {} } } },
        },
      ],
    ]);

    const result = tryApply({ object: { spec: { atomic: ['a'] } }, owners }, 'other', { spec: { atomic: ['b'] } });

    expect(result).toMatchObject({ type: 'conflict', conflicts: [{ path: ['f:spec', 'f:atomic'] }] });
  });
});

describe('update', () => {
  it('makes everything that differs the writer’s, and nobody else’s', () => {
    fc.assert(
      fc.property(history, configuration, (steps, next) => {
        const before = play(steps);
        const after = update(before, 'me', next);
        const { added, modified, removed } = compare(SCHEMA, before.object, next);
        const mine = fieldsOf(after, 'me', 'Update');

        expect(isSubset(union(added, modified), mine)).toBe(true);
        for (const { manager, fields } of after.owners.values()) {
          if (manager === 'me') continue;
          for (const path of pathsOf(union(union(added, modified), removed))) expect(hasPath(fields, path)).toBe(false);
        }
      }),
    );
  });
});
