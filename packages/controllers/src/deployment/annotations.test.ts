import type { ReplicaSet } from '@keelson/api/apps/v1';
import { describe, expect, it } from 'vitest';
import { REVISION, REVISION_HISTORY, revisionAnnotations } from './annotations.ts';

function set(revision?: string, history?: string): ReplicaSet {
  return {
    metadata: {
      annotations: {
        ...(revision !== undefined && { [REVISION]: revision }),
        ...(history !== undefined && { [REVISION_HISTORY]: history }),
      },
    },
  };
}

describe('revisionAnnotations', () => {
  it.each([
    { title: 'gives a set without one its revision', of: set(), want: { [REVISION]: '5' } },
    { title: 'remembers the one before', of: set('1'), want: { [REVISION]: '5', [REVISION_HISTORY]: '1' } },
    { title: 'remembers all before', of: set('3', '1,2'), want: { [REVISION]: '5', [REVISION_HISTORY]: '1,2,3' } },
    { title: 'leaves a higher one', of: set('6'), want: {} },
    { title: 'leaves what is no number', of: set('x'), want: {} },
  ])('$title', ({ of, want }) => {
    expect(revisionAnnotations(of, 5n)).toEqual(want);
  });

  it('forgets the oldest when the history gets too long', () => {
    const known = Array.from({ length: 500 }, (_, at) => String(1000 + at));
    const history = revisionAnnotations(set('1500', known.join(',')), 1501n)[REVISION_HISTORY] ?? '';

    expect(history.length).toBeLessThanOrEqual(2000);
    expect(history.endsWith('1499,1500')).toBe(true);
    expect(history.startsWith('1101,')).toBe(true);
  });
});
