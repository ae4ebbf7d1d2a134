import type { ObjectReference } from '@keelson/api/core/v1';
import { expect, it } from 'vitest';
import { EventObserver } from './event-observer.ts';

it('tells where a pod went, and why it went nowhere, about a reference that names the kind', () => {
  const told: unknown[][] = [];
  const observer = new EventObserver({
    event: (about: ObjectReference, ...rest) => told.push([about.kind, about.name, ...rest]),
  });
  const pod = { metadata: { name: 'web-0', namespace: 'shop', uid: 'u1' } };

  observer.scheduled(pod, 'node-1');
  observer.failed(pod, '0/1 nodes are available: 1 Insufficient cpu.');

  expect(told).toEqual([
    ['Pod', 'web-0', 'Normal', 'Scheduled', 'Successfully assigned shop/web-0 to node-1'],
    ['Pod', 'web-0', 'Warning', 'FailedScheduling', '0/1 nodes are available: 1 Insufficient cpu.'],
  ]);
});
