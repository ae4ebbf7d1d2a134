import { beforeEach, describe, expect, it } from 'vitest';
import { MetricsStore } from './metrics-store.ts';
import type { Point, Reading } from './reading.ts';

const point = (seconds: number, cpuSeconds: number, startedSeconds?: number): Point => ({
  atMs: seconds * 1000,
  cpuNanoSeconds: cpuSeconds * 1e9,
  memoryBytes: seconds,
  ...(startedSeconds !== undefined && { startedAtMs: startedSeconds * 1000 }),
});
const reading = (node: Point, web?: Point): Reading => ({
  node,
  pods: new Map(web ? [['default/a', new Map([['web', web]])]] : []),
});

describe('MetricsStore', () => {
  let store: MetricsStore;

  beforeEach(() => {
    store = new MetricsStore(15_000);
  });

  it('makes a rate of two readings, and gives memory as it was last', () => {
    store.put('n', reading(point(100, 10)));
    expect(store.node('n')).toBeUndefined();

    store.put('n', reading(point(115, 13)));
    expect(store.node('n')).toEqual({ atMs: 115_000, windowMs: 15_000, cpuNanoCores: 2e8, memoryBytes: 115 });
  });

  it('keeps the window when the kubelet tells the same moment again', () => {
    for (const at of [100, 115, 115]) store.put('n', reading(point(at, at / 10)));

    expect(store.node('n')).toMatchObject({ windowMs: 15_000, cpuNanoCores: 1e8 });
  });

  it.each([
    { title: 'whose counter began anew', first: point(100, 10, 1), second: point(115, 3, 1) },
    { title: 'that was started anew', first: point(100, 1, 1), second: point(115, 3, 112) },
    { title: 'that is known from one reading only', first: undefined, second: point(115, 3, 1) },
    { title: 'that is too young', first: undefined, second: point(115, 3, 106) },
  ])('knows nothing of a container $title', ({ first, second }) => {
    store.put('n', reading(point(100, 1), first));
    store.put('n', reading(point(115, 2), second));

    expect(store.pod('n', 'default/a')).toBeUndefined();
  });

  it('measures a young container from its start', () => {
    store.put('n', reading(point(115, 2), point(115, 6, 103)));

    expect(store.pod('n', 'default/a')).toEqual([
      { name: 'web', atMs: 115_000, windowMs: 12_000, cpuNanoCores: 5e8, memoryBytes: 115 },
    ]);
  });

  it('forgets what is not told any more', () => {
    store.put('n', reading(point(100, 1), point(100, 1, 1)));
    store.put('n', reading(point(115, 2), point(115, 2, 1)));
    expect(store.pod('n', 'default/a')).toHaveLength(1);

    store.put('n', reading(point(130, 3)));
    expect(store.pod('n', 'default/a')).toBeUndefined();
    store.drop('n');
    expect(store.node('n')).toBeUndefined();
  });
});
