import type { Deployment, ReplicaSet } from '@keelson/api/apps/v1';
import { describe, expect, it } from 'vitest';
import { maxSurge, maxUnavailable } from './limits.ts';
import { newSetSize, scaleSizes, shrinkOldSets } from './sizing.ts';

type Rolling = { readonly maxSurge: number | string; readonly maxUnavailable: number | string };

function deployment(replicas: number, rollingUpdate: Rolling): Deployment {
  const strategy = { type: 'RollingUpdate', rollingUpdate };
  return { metadata: { name: 'web' }, spec: { replicas, selector: {}, template: {}, strategy } };
}

interface Shape {
  readonly size: number;
  readonly available?: number;
  readonly desired?: number;
  readonly max?: number;
}

let sequence = 0;

function set({ size, available = size, desired, max }: Shape): ReplicaSet {
  sequence += 1;
  return {
    metadata: {
      name: `web-${sequence}`,
      uid: `uid-${sequence}`,
      creationTimestamp: `2026-01-01T00:00:${String(sequence % 60).padStart(2, '0')}Z`,
      annotations: {
        ...(desired !== undefined && { 'deployment.kubernetes.io/desired-replicas': String(desired) }),
        ...(max !== undefined && { 'deployment.kubernetes.io/max-replicas': String(max) }),
      },
    },
    spec: { replicas: size, selector: {} },
    status: { replicas: size, availableReplicas: available },
  };
}

describe('limits of a rolling update', () => {
  it.each([
    { replicas: 10, surge: '25%', unavailable: '25%', want: [3, 2] },
    { replicas: 1, surge: '25%', unavailable: '25%', want: [1, 0] },
    { replicas: 10, surge: 0, unavailable: '1%', want: [0, 1] },
    { replicas: 3, surge: 0, unavailable: 9, want: [0, 3] },
    { replicas: 0, surge: '25%', unavailable: '25%', want: [0, 0] },
    { replicas: 2, surge: '100%', unavailable: '100%', want: [2, 2] },
  ])('of $replicas with $surge and $unavailable are $want', ({ replicas, surge, unavailable, want }) => {
    const of = deployment(replicas, { maxSurge: surge, maxUnavailable: unavailable });

    expect([maxSurge(of), maxUnavailable(of)]).toEqual(want);
  });
});

describe('newSetSize', () => {
  it.each([
    { title: 'takes all when there are no old sets', replicas: 10, old: 0, current: 0, want: 10 },
    { title: 'takes the surge', replicas: 10, old: 10, current: 0, want: 3 },
    { title: 'takes what old sets have left', replicas: 10, old: 8, current: 3, want: 5 },
    { title: 'takes no more than all', replicas: 10, old: 1, current: 8, want: 10 },
    { title: 'stays when there is no room', replicas: 10, old: 10, current: 3, want: 3 },
    { title: 'shrinks to the size of the Deployment', replicas: 2, old: 3, current: 5, want: 2 },
  ])('$title', ({ replicas, old, current, want }) => {
    const of = deployment(replicas, { maxSurge: 3, maxUnavailable: 0 });

    expect(newSetSize(of, [set({ size: old }), set({ size: current })], current)).toBe(want);
  });
});

describe('shrinkOldSets', () => {
  it.each([
    { title: 'takes what may be unavailable', old: [{ size: 10 }], next: { size: 0 }, want: [8] },
    { title: 'takes as many as new ones are available', old: [{ size: 8 }], next: { size: 5, available: 3 }, want: [5] },
    { title: 'takes nothing while new ones are not', old: [{ size: 8 }], next: { size: 5, available: 0 }, want: [] },
    {
      title: 'takes unavailable ones first, of the oldest set first',
      old: [
        { size: 4, available: 3 },
        { size: 4, available: 1 },
      ],
      next: { size: 5, available: 5 },
      want: [2, 1],
    },
    {
      title: 'counts unavailable new ones as missing',
      old: [{ size: 10, available: 2 }],
      next: { size: 3, available: 0 },
      want: [8],
    },
  ])('$title', ({ old, next, want }) => {
    const of = deployment(10, { maxSurge: 3, maxUnavailable: 2 });

    expect(shrinkOldSets(of, set(next), old.map(set)).map(({ size }) => size)).toEqual(want);
  });
});

describe('shrinkOldSets, of a set whose controller has not seen its size yet,', () => {
  it('counts on nothing', () => {
    const of = deployment(10, { maxSurge: 3, maxUnavailable: 2 });
    const next = set({ size: 10 });

    expect(shrinkOldSets(of, { ...next, metadata: { ...next.metadata, generation: 2 } }, [set({ size: 3 })])).toEqual([]);
  });
});

describe('scaleSizes', () => {
  it.each([
    { title: 'grows in proportion', replicas: 15, old: { size: 8, max: 13 }, next: { size: 5, max: 13 }, want: [11, 7] },
    { title: 'shrinks in proportion', replicas: 5, old: { size: 8, max: 13 }, next: { size: 5, max: 13 }, want: [5, 3] },
    { title: 'shrinks to nothing', replicas: 0, old: { size: 8, max: 13 }, next: { size: 5, max: 13 }, want: [0, 0] },
    { title: 'resizes the only active set', replicas: 7, old: { size: 3, max: 6 }, next: { size: 0 }, want: [7] },
    { title: 'resizes the new set if none is active', replicas: 7, old: { size: 0 }, next: { size: 0 }, want: [7] },
    {
      title: 'empties old sets when the new one has all',
      replicas: 3,
      old: { size: 1 },
      next: { size: 3, desired: 3 },
      want: [0],
    },
  ])('$title', ({ replicas, old, next, want }) => {
    const of = deployment(replicas, { maxSurge: 3, maxUnavailable: 2 });
    const sizes = scaleSizes(of, set(next), [set(old)]);

    expect(sizes.map(({ size }) => size)).toEqual(want);
  });
});
