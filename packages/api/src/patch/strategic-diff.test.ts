import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyStrategicMergePatch, createStrategicPatch, deepFreeze, threeWayMergePatch } from '../index.ts';

const POD_SPEC = 'core.v1.PodSpec';

/** Pod specs with lists of each sort: merged by key, with kept keys, sets, atomic; and maps. */
function podSpecs(): fc.Arbitrary<Record<string, unknown>> {
  const name = fc.constantFrom('a', 'b', 'c', 'd');
  const named = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.uniqueArray(item, { maxLength: 4, selector: (value) => (value as { name: string }).name });
  const container = fc.record(
    {
      name,
      image: fc.constantFrom('x', 'y'),
      args: fc.array(name, { maxLength: 3 }),
      env: named(fc.record({ name, value: name }, { requiredKeys: ['name'] })),
      resources: fc.record(
        { limits: fc.dictionary(fc.constantFrom('cpu', 'memory'), fc.constantFrom('1', '2')) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['name'] },
  );
  const volume = fc.oneof(
    fc.record({ name, emptyDir: fc.constant({}) }),
    fc.record({ name, hostPath: fc.record({ path: name }) }),
  );
  return fc.record(
    { containers: named(container), volumes: named(volume), nodeSelector: fc.dictionary(name, name), hostNetwork: fc.boolean() },
    { requiredKeys: ['containers'] },
  );
}

describe('createStrategicPatch', () => {
  it('gives a patch that turns one document into the other', () => {
    fc.assert(
      fc.property(podSpecs(), podSpecs(), (from, to) => {
        const patch = createStrategicPatch(deepFreeze(from), deepFreeze(to), POD_SPEC);

        expect(applyStrategicMergePatch(from, deepFreeze(patch), POD_SPEC)).toEqual(to);
      }),
    );
  });

  it('gives nothing for equal documents', () => {
    fc.assert(
      fc.property(podSpecs(), (spec) => {
        expect(createStrategicPatch(spec, structuredClone(spec), POD_SPEC)).toEqual({});
      }),
    );
  });

  it('names the changed item alone', () => {
    const from = {
      containers: [
        { name: 'a', image: 'x' },
        { name: 'b', image: 'x' },
      ],
    };
    const to = {
      containers: [
        { name: 'a', image: 'x' },
        { name: 'b', image: 'y' },
      ],
    };

    expect(createStrategicPatch(from, to, POD_SPEC)).toEqual({
      '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }],
      containers: [{ name: 'b', image: 'y' }],
    });
  });

  it('changes sets by their members', () => {
    const [from, to] = [{ finalizers: ['a', 'b'] }, { finalizers: ['c', 'b'] }];
    const patch = createStrategicPatch(from, to, 'meta.v1.ObjectMeta');

    expect(patch).toEqual({
      '$setElementOrder/finalizers': ['c', 'b'],
      '$deleteFromPrimitiveList/finalizers': ['a'],
      finalizers: ['c'],
    });
    expect(applyStrategicMergePatch(from, patch, 'meta.v1.ObjectMeta')).toEqual(to);
  });

  it('replaces a list whose keys are not unique', () => {
    const from = { ports: [{ port: 53, protocol: 'UDP' }] };
    const to = {
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ],
    };

    expect(applyStrategicMergePatch(from, createStrategicPatch(from, to, 'core.v1.ServiceSpec'), 'core.v1.ServiceSpec')).toEqual(
      to,
    );
  });

  it('drops the old branch of a union', () => {
    const from = { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } };
    const to = { strategy: { type: 'Recreate' } };
    const patch = createStrategicPatch(from, to, 'apps.v1.DeploymentSpec');

    expect(patch).toMatchObject({ strategy: { $retainKeys: ['type'] } });
    expect(applyStrategicMergePatch(from, patch, 'apps.v1.DeploymentSpec')).toEqual(to);
  });
});

describe('threeWayMergePatch', () => {
  const apply = (documents: { original: unknown; modified: unknown; current: unknown }): unknown =>
    applyStrategicMergePatch(documents.current, threeWayMergePatch(documents, POD_SPEC), POD_SPEC);

  it('makes the document as wanted where nobody else wrote', () => {
    fc.assert(
      fc.property(podSpecs(), podSpecs(), (original, modified) => {
        expect(apply({ original, modified, current: original })).toEqual(modified);
      }),
    );
  });

  it('keeps what others added', () => {
    const original = {
      containers: [
        { name: 'a', image: 'x' },
        { name: 'b', image: 'x' },
      ],
      hostNetwork: true,
    };
    const modified = { containers: [{ name: 'a', image: 'y' }] };
    const current = {
      ...original,
      containers: [
        { name: 'a', image: 'x', stdin: true },
        { name: 'b', image: 'x' },
        { name: 'injected', image: 'z' },
      ],
      schedulerName: 'default-scheduler',
    };

    expect(apply({ original, modified, current })).toEqual({
      containers: [
        { name: 'a', image: 'y', stdin: true },
        { name: 'injected', image: 'z' },
      ],
      schedulerName: 'default-scheduler',
    });
  });

  it('deletes nothing that another already deleted', () => {
    expect(threeWayMergePatch({ original: { hostNetwork: true }, modified: {}, current: {} }, POD_SPEC)).toEqual({});
  });
});
