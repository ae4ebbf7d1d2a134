import { formatTime } from '@keelson/api';
import type { Pod, Taint, Toleration } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { evictionTime } from './eviction-time.ts';

const TAINT: Taint = { key: 'a', value: 'x', effect: 'NoExecute', timeAdded: formatTime(100_000) };

const pod = (tolerations: Toleration[], boundMs = 0): Pod => ({
  metadata: { creationTimestamp: formatTime(0) },
  spec: { containers: [], tolerations },
  status: { conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(boundMs) }] },
});

describe('when a pod has to leave', () => {
  it.each([
    { title: 'at once, without a toleration', tolerations: [], want: 0 },
    { title: 'never, with one without an end', tolerations: [{ key: 'a', operator: 'Exists' }], want: undefined },
    { title: 'at once, with no time', tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 0 }], want: 0 },
    { title: 'when its time is over', tolerations: [{ key: 'a', operator: 'Exists', tolerationSeconds: 300 }], want: 400_000 },
    { title: 'by value', tolerations: [{ key: 'a', value: 'x', tolerationSeconds: 1 }], want: 101_000 },
    { title: 'at once, with one for another value', tolerations: [{ key: 'a', value: 'y' }], want: 0 },
    {
      title: 'at once, with one for another effect',
      tolerations: [{ key: 'a', operator: 'Exists', effect: 'NoSchedule' }],
      want: 0,
    },
    { title: 'never, with one for everything', tolerations: [{ operator: 'Exists' }], want: undefined },
    {
      title: 'by the first toleration that fits',
      tolerations: [
        { operator: 'Exists', tolerationSeconds: 5 },
        { key: 'a', operator: 'Exists' },
      ],
      want: 105_000,
    },
  ] satisfies { title: string; tolerations: Toleration[]; want: number | undefined }[])('$title', ({ tolerations, want }) => {
    expect(evictionTime(pod(tolerations), [TAINT])).toBe(want);
  });

  it('counts from when it came to the node, if the taint was there before', () => {
    expect(evictionTime(pod([{ operator: 'Exists', tolerationSeconds: 10 }], 200_000), [TAINT])).toBe(210_000);
  });

  it('is the earliest of several taints, and of none never', () => {
    const tolerations = [
      { key: 'a', operator: 'Exists', tolerationSeconds: 10 },
      { key: 'b', operator: 'Exists', tolerationSeconds: 5 },
    ];

    expect(evictionTime(pod(tolerations), [TAINT, { ...TAINT, key: 'b' }])).toBe(105_000);
    expect(evictionTime(pod([]), [{ ...TAINT, effect: 'NoSchedule' }])).toBeUndefined();
  });
});
