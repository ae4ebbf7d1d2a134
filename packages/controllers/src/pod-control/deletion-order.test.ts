import { formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { podsToDelete } from './deletion-order.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;

interface Traits {
  readonly node?: string;
  readonly phase?: string;
  readonly readyMinutes?: number;
  readonly cost?: string;
  readonly restarts?: number;
  readonly ageMinutes?: number;
}

function pod(uid: string, traits: Traits): Pod {
  const { node = 'n', phase = 'Running', readyMinutes, cost, restarts = 0, ageMinutes = 1000 } = traits;
  const lastTransitionTime = formatTime(NOW_MS - (readyMinutes ?? 0) * MINUTE_MS);
  return {
    metadata: {
      uid,
      creationTimestamp: formatTime(NOW_MS - ageMinutes * MINUTE_MS),
      ...(cost !== undefined && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { containers: [], ...(node !== '' && { nodeName: node }) },
    status: {
      phase,
      conditions: readyMinutes === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime }],
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: restarts }],
    },
  };
}

describe('podsToDelete', () => {
  it.each<{ title: string; first: Traits; then: Traits }>([
    { title: 'one without a node', first: { node: '', readyMinutes: 9 }, then: { phase: 'Pending' } },
    { title: 'a pending one before an unknown one', first: { phase: 'Pending' }, then: { phase: 'Unknown' } },
    { title: 'an unknown one before a running one', first: { phase: 'Unknown' }, then: {} },
    { title: 'one that is not ready', first: { cost: '9' }, then: { readyMinutes: 0 } },
    { title: 'the cheaper one', first: { readyMinutes: 900, cost: '-1' }, then: { readyMinutes: 1 } },
    {
      title: 'the one that has been ready for a shorter time',
      first: { readyMinutes: 9, ageMinutes: 900 },
      then: { readyMinutes: 40 },
    },
    { title: 'the one with more restarts', first: { restarts: 3 }, then: { restarts: 2, ageMinutes: 1 } },
    { title: 'the newer one', first: { ageMinutes: 9 }, then: { ageMinutes: 40 } },
    { title: 'any of those that are about as old', first: { ageMinutes: 17 }, then: { ageMinutes: 10 } },
    { title: 'one whose cost cannot be read as if it had none', first: { cost: '+1', ageMinutes: 9 }, then: { cost: '1' } },
  ])('takes first $title', ({ first, then }) => {
    const pods = [pod('b', then), pod('a', first)];

    expect(podsToDelete(pods, 1, pods, NOW_MS).map(({ metadata }) => metadata?.uid)).toEqual(['a']);
  });

  it('takes first one that shares its node with others of the workload', () => {
    const crowded = pod('a', { node: 'crowded', readyMinutes: 900 });
    const lonely = pod('b', { node: 'lonely', readyMinutes: 1 });
    const sibling = pod('c', { node: 'crowded', readyMinutes: 900 });

    expect(podsToDelete([lonely, crowded], 1, [lonely, crowded, sibling], NOW_MS)).toEqual([crowded]);
  });

  it('takes all if all have to go', () => {
    const pods = [pod('a', {}), pod('b', {})];

    expect(podsToDelete(pods, 2, [], NOW_MS)).toEqual(pods);
  });
});
