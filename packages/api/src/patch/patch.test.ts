import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, deepEqual, deepFreeze } from '../index.ts';

describe('applyJsonPatch', () => {
  it('refuses copies of copies that fill the memory', () => {
    const patch = Array.from({ length: 40 }, (_, at) => ({ op: 'copy', from: '/a', path: `/a/${at}` }));

    expect(() => applyJsonPatch({ a: { text: '0123456789' } }, patch)).toThrow(
      /accumulated size increase of copy is \d+, exceeding the limit/,
    );
  });

  it.each([
    [{ a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    [{ a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    [{ a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    [
      { a: { 'x/y': 1, 'm~n': 2 } },
      [
        { op: 'remove', path: '/a/x~1y' },
        { op: 'replace', path: '/a/m~0n', value: 3 },
      ],
      { a: { 'm~n': 3 } },
    ],
    [
      { a: 1, b: 2 },
      [
        { op: 'move', from: '/a', path: '/c' },
        { op: 'copy', from: '/b', path: '/d' },
      ],
      { b: 2, c: 1, d: 2 },
    ],
    [
      { a: [1, 2] },
      [
        { op: 'test', path: '/a', value: [1, 2] },
        { op: 'replace', path: '/a/-1', value: 9 },
      ],
      { a: [1, 9] },
    ],
    [{}, [{ op: 'test', path: '/a', value: null }], {}],
  ])('%o with %o', (document, patch, expected) => {
    const before = structuredClone(document);

    expect(applyJsonPatch(document, patch)).toEqual(expected);
    expect(document).toEqual(before);
  });

  it.each([
    [[{ op: 'test', path: '/a', value: 2 }], 'Invalid'],
    [[{ op: 'remove', path: '/x' }], 'Invalid'],
    [[{ op: 'replace', path: '/x', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: '/l/01', value: 1 }], 'Invalid'],
    [[{ op: 'add', path: '/l/9', value: 1 }], 'Invalid'],
    [[{ op: 'fly', path: '/a' }], 'Invalid'],
    [[{ op: 'add', path: '/a' }], 'Invalid'],
    [[{ op: 'add', path: 'a', value: 1 }], 'Invalid'],
    [{ op: 'add' }, 'BadRequest'],
    [['add'], 'BadRequest'],
    [Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/a', value: 1 })), 'RequestEntityTooLarge'],
  ])('refuses %o as %s', (patch, reason) => {
    expect(() => applyJsonPatch({ a: 1, l: [1] }, patch)).toThrow(expect.objectContaining({ reason }) as Error);
  });

  it('leaves a frozen patch as it is, also where a later operation changes what an earlier one added', () => {
    const patch = deepFreeze([
      { op: 'add', path: '/a', value: {} },
      { op: 'add', path: '/a/b', value: 1 },
    ]);

    expect(applyJsonPatch(deepFreeze({}), patch)).toEqual({ a: { b: 1 } });
  });

  it('shares with the document what it leaves as it is', () => {
    const document = deepFreeze({ changed: { list: [{ a: 1 }, { a: 2 }] }, kept: { b: 1 } });

    const result = applyJsonPatch(document, [{ op: 'replace', path: '/changed/list/1/a', value: 3 }]) as typeof document;

    expect(result).toEqual({ changed: { list: [{ a: 1 }, { a: 3 }] }, kept: { b: 1 } });
    expect(result.kept).toBe(document.kept);
    expect(result.changed.list[0]).toBe(document.changed.list[0]);
  });

  it('changes a copy without changing what it was copied from', () => {
    const patch = [
      { op: 'add', path: '/a/x', value: 1 },
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'replace', path: '/b/x', value: 2 },
      { op: 'move', from: '/b', path: '/c' },
      { op: 'add', path: '/c/y', value: 3 },
    ];

    expect(applyJsonPatch(deepFreeze({ a: {} }), patch)).toEqual({ a: { x: 1 }, c: { x: 2, y: 3 } });
  });

  it('never reaches a prototype', () => {
    const result = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: true } }]) as object;

    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(() => applyJsonPatch({}, [{ op: 'add', path: '/constructor/prototype/x', value: 1 }])).toThrow('does not exist');
  });
});

describe('applyMergePatch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: ['b'] }, { a: ['c', 'd'] }, { a: ['c', 'd'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [['a'], { a: 1 }, { a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{ a: 'foo' }, 'bar', 'bar'],
  ])('%o with %o (RFC 7386, appendix A)', (document, patch, expected) => {
    expect(applyMergePatch(document, patch)).toEqual(expected);
  });

  it('changes nothing when applied again', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (document, patch) => {
        const once = applyMergePatch(document, patch);
        expect(deepEqual(applyMergePatch(once, patch), once)).toBe(true);
      }),
    );
  });
});

describe('applyStrategicMergePatch', () => {
  const pod = (containers: unknown[], more = {}) => ({ spec: { containers, ...more } });
  const merge = (document: unknown, patch: unknown, definition = 'core.v1.Pod') =>
    applyStrategicMergePatch(document, patch, definition);

  it('merges lists by their key', () => {
    const result = merge(
      pod([
        { name: 'a', image: 'x' },
        { name: 'b', image: 'y' },
      ]),
      pod([
        { name: 'b', image: 'z' },
        { name: 'c', image: 'w' },
      ]),
    );

    expect(result).toEqual(
      pod([
        { name: 'a', image: 'x' },
        { name: 'b', image: 'z' },
        { name: 'c', image: 'w' },
      ]),
    );
  });

  it('replaces lists that have no key', () => {
    expect(merge(pod([{ name: 'a', args: ['1', '2'] }]), pod([{ name: 'a', args: ['3'] }]))).toEqual(
      pod([{ name: 'a', args: ['3'] }]),
    );
  });

  it('merges service ports by port, container ports by containerPort', () => {
    const ports = { spec: { ports: [{ port: 80, name: 'http' }] } };

    expect(merge(ports, { spec: { ports: [{ port: 80, targetPort: 8080 }] } }, 'core.v1.Service')).toEqual({
      spec: { ports: [{ port: 80, name: 'http', targetPort: 8080 }] },
    });
    expect(
      merge(
        pod([{ name: 'a', ports: [{ containerPort: 80 }] }]),
        pod([{ name: 'a', ports: [{ containerPort: 80, name: 'web' }] }]),
      ),
    ).toEqual(pod([{ name: 'a', ports: [{ containerPort: 80, name: 'web' }] }]));
  });

  it('merges lists of plain values as sets', () => {
    expect(merge({ metadata: { finalizers: ['a', 'b'] } }, { metadata: { finalizers: ['b', 'c'] } })).toEqual({
      metadata: { finalizers: ['a', 'b', 'c'] },
    });
    expect(
      merge({ metadata: { finalizers: ['a', 'b'] } }, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } }),
    ).toEqual({ metadata: { finalizers: ['b'] } });
  });

  it('deletes and replaces by directive', () => {
    expect(merge(pod([{ name: 'a' }, { name: 'b' }]), pod([{ name: 'a', $patch: 'delete' }]))).toEqual(pod([{ name: 'b' }]));
    expect(merge(pod([{ name: 'a' }, { name: 'b' }]), pod([{ name: 'c' }, { $patch: 'replace' }]))).toEqual(pod([{ name: 'c' }]));
    expect(merge({ spec: { nodeSelector: { a: '1' } } }, { spec: { nodeSelector: { $patch: 'replace', b: '2' } } })).toEqual({
      spec: { nodeSelector: { b: '2' } },
    });
    expect(merge({ metadata: { labels: { a: '1' } } }, { metadata: { labels: null } })).toEqual({ metadata: {} });
  });

  it('drops the old branch of a union with $retainKeys', () => {
    const old = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };

    expect(merge(old, patch, 'apps.v1.Deployment')).toEqual({ spec: { strategy: { type: 'Recreate' } } });
    const volumes = merge(
      pod([], { volumes: [{ name: 'v', emptyDir: {} }] }),
      pod([], { volumes: [{ name: 'v', $retainKeys: ['name', 'hostPath'], hostPath: { path: '/x' } }] }),
    );
    expect(volumes).toEqual(pod([], { volumes: [{ name: 'v', hostPath: { path: '/x' } }] }));
  });

  it('orders by $setElementOrder and keeps what only the server has in its place', () => {
    const live = pod([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    const patch = {
      spec: { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }], containers: [{ name: 'a', image: 'x' }] },
    };

    expect(merge(live, patch)).toEqual(pod([{ name: 'b' }, { name: 'c' }, { name: 'a', image: 'x' }]));
  });

  it('refuses unknown directives and items without their key', () => {
    expect(() => merge(pod([]), { $patch: 'twist' })).toThrow('unknown patch type: twist');
    expect(() => merge(pod([]), pod([{ image: 'x' }]))).toThrow('does not contain declared merge key: name');
  });

  it('changes nothing when applied again', () => {
    const item = fc.record({ name: fc.constantFrom('a', 'b', 'c'), image: fc.constantFrom('x', 'y') });
    const containers = fc.uniqueArray(item, { selector: ({ name }) => name });
    fc.assert(
      fc.property(containers, containers, (live, patch) => {
        const once = merge(pod(live), pod(patch));
        expect(merge(once, pod(patch))).toEqual(once);
      }),
    );
  });
});
