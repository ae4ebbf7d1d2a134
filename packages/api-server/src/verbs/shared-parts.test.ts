import { deepEqual, deepFreeze, type KubernetesObject } from '@keelson/api';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { shareParts } from './shared-parts.ts';

interface Thing extends KubernetesObject {
  spec?: unknown;
  status?: unknown;
}

const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(0, 1, 'a', true, null),
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), tie('any'), { maxKeys: 3 }),
  ),
})).any;

describe('shareParts', () => {
  it('leaves an object what it is, whatever the old one was', () => {
    fc.assert(
      fc.property(value, value, (spec, old) => {
        const object: Thing = { spec: structuredClone(spec) };

        shareParts(object, deepFreeze({ spec: old } as Thing));

        expect(deepEqual(object.spec, spec)).toBe(true);
        expect(object.spec === old).toBe(deepEqual(spec, old));
      }),
    );
  });

  it('takes the parts of the old object that are equal, but for metadata', () => {
    const made = (image: string) => ({
      metadata: { name: 'a' },
      spec: { containers: [{ name: 'a', image, env: [{ name: 'A' }] }, { name: 'b' }], volumes: [{ name: 'v' }] },
      status: { phase: 'Pending', reason: undefined },
    });
    const [object, old] = [made('new'), deepFreeze(made('old'))];

    shareParts(object, old);

    expect(object).toEqual(made('new'));
    expect(object.spec.volumes).toBe(old.spec.volumes);
    expect(object.spec.containers[1]).toBe(old.spec.containers[1]);
    expect(object.spec.containers[0]?.env).toBe(old.spec.containers[0]?.env);
    expect(object.status).toBe(old.status);
    expect(object.metadata).not.toBe(old.metadata);
  });

  it('leaves frozen parts as they are', () => {
    const object: Thing = { spec: deepFreeze({ a: { x: 1 }, b: 1 }) };

    shareParts(object, deepFreeze({ spec: { a: { x: 1 }, b: 2 } } as Thing));

    expect(object.spec).toEqual({ a: { x: 1 }, b: 1 });
  });
});
