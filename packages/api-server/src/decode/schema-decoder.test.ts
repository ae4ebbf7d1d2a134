import { applyJsonPatch, deepFreeze } from '@keelson/api';
import { describe, expect, it } from 'vitest';
import { SchemaDecoder } from './schema-decoder.ts';

const decode = (value: unknown, known?: unknown): Loose => new SchemaDecoder().decode('core.v1.Pod', value, known);
type Loose = ReturnType<typeof JSON.parse>;

const POD = deepFreeze(
  decode({
    metadata: { name: 'a', labels: { a: 'b' } },
    spec: {
      containers: [
        { name: 'a', image: 'a', resources: { limits: { cpu: '1000m' } } },
        { name: 'b', env: [{ name: 'E', value: '' }] },
      ],
      nodeSelector: { x: 'y' },
    },
  }),
);

describe('a body that was made of an object', () => {
  it.each([
    ['a label', { op: 'add', path: '/metadata/labels/c', value: 'd' }],
    ['a value in its canonical form', { op: 'add', path: '/spec/containers/0/resources/limits/cpu', value: '2000m' }],
    ['another place in a list', { op: 'move', from: '/spec/containers/0', path: '/spec/containers/1' }],
    ['an item less', { op: 'remove', path: '/spec/containers/0' }],
    ['a part less', { op: 'remove', path: '/spec/nodeSelector' }],
    ['an empty value that is dropped', { op: 'replace', path: '/spec/containers/1/env', value: [] }],
  ])('is decoded as any other: %s', (_title, operation) => {
    const body = applyJsonPatch(POD, [operation]);

    expect(decode(body, POD)).toEqual(decode(body));
  });

  it('is checked where it differs', () => {
    const body = applyJsonPatch(POD, [{ op: 'add', path: '/spec/containers/0/image', value: 1 }]);

    expect(() => decode(body, POD)).toThrow('json: cannot unmarshal number into Go struct field Container.spec.containers.image');
  });

  it('belongs to whoever decodes it', () => {
    const decoded = decode(POD, POD);

    decoded.spec.containers[0].image = 'other';

    expect(POD.spec.containers[0].image).toBe('a');
  });
});
