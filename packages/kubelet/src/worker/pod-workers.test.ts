import { expect, it } from 'vitest';
import type { Pod } from '@keelson/api/core/v1';
import { isWorkFor } from './pod-workers.ts';

const pod: Pod = {
  metadata: { name: 'a', namespace: 'x', uid: 'u', resourceVersion: '1', generation: 1, labels: { app: 'a' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }] },
  status: { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False' }] },
};

it.each<{ title: string; change: (pod: Pod) => Pod; work: boolean }>([
  { title: 'our own status', change: (old) => ({ ...old, status: { phase: 'Running' } }), work: false },
  {
    title: 'version and managed fields',
    change: (old) => ({ ...old, metadata: { ...old.metadata, resourceVersion: '2', managedFields: [] } }),
    work: false,
  },
  {
    title: 'a readiness gate',
    change: (old) => ({ ...old, status: { ...old.status, conditions: [{ type: 'x/gate', status: 'True' }] } }),
    work: true,
  },
  { title: 'a label', change: (old) => ({ ...old, metadata: { ...old.metadata, labels: { app: 'b' } } }), work: true },
  {
    title: 'a deletion',
    change: (old) => ({ ...old, metadata: { ...old.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }),
    work: true,
  },
  { title: 'an image', change: (old) => ({ ...old, spec: { containers: [{ name: 'web', image: 'web:2' }] } }), work: true },
])('$title gives work: $work', ({ change, work }) => {
  expect(isWorkFor(pod, change(structuredClone(pod)))).toBe(work);
});
