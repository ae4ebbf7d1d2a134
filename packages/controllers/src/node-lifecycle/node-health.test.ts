import { formatTime } from '@keelson/api';
import type { Node, NodeCondition } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { nextHealth, unknownConditions, type NodeHealth } from './node-health.ts';

const GRACE = { gracePeriodMs: 50_000, startupGracePeriodMs: 60_000 };

const condition = (type: string, status = 'True', heartbeatMs = 0): NodeCondition => ({
  type,
  status,
  lastHeartbeatTime: formatTime(heartbeatMs),
  lastTransitionTime: formatTime(0),
});
const node = (...conditions: NodeCondition[]): Node => ({
  metadata: { name: 'n', creationTimestamp: formatTime(1_000) },
  status: { conditions },
});
const lease = (renewTime: string) => ({ spec: { renewTime } });

describe('signs of life of a node', () => {
  const known: NodeHealth = { ready: condition('Ready'), renewTime: '2026-01-01T00:00:00.000000Z', aliveMs: 10_000 };

  it.each([
    { title: 'none', next: node(condition('Ready')), renewed: undefined, want: 10_000 },
    { title: 'the same lease', next: node(condition('Ready')), renewed: '2026-01-01T00:00:00.000000Z', want: 10_000 },
    { title: 'a renewed lease', next: node(condition('Ready')), renewed: '2026-01-01T00:00:10.000000Z', want: 99_000 },
    { title: 'a new heartbeat', next: node(condition('Ready', 'True', 5_000)), renewed: undefined, want: 99_000 },
  ])('$title', ({ next, renewed, want }) => {
    expect(nextHealth(next, renewed === undefined ? undefined : lease(renewed), known, 99_000).aliveMs).toBe(want);
  });

  it('gives a node that it sees for the first time the time to report, whatever its clock says', () => {
    expect(nextHealth(node(condition('Ready', 'True', 0)), undefined, undefined, 99_000).aliveMs).toBe(99_000);
  });

  it('counts from its creation for a node that has never reported', () => {
    expect(nextHealth(node(), undefined, undefined, 99_000).aliveMs).toBe(1_000);
  });
});

describe('conditions of a silent node', () => {
  const health = (ready: NodeCondition | undefined): NodeHealth => ({ ready, renewTime: undefined, aliveMs: 0 });
  const after = (is: Node, ms: number) => unknownConditions(is, health(is.status?.conditions?.[0]), { ...GRACE, nowMs: ms });

  it.each([
    { title: 'a node that reported, for 50 s', is: node(condition('Ready')), ms: 50_000 },
    { title: 'a node that never reported, for 60 s', is: node(), ms: 60_000 },
  ])('leaves $title', ({ is, ms }) => {
    expect(after(is, ms)).toBeUndefined();
    expect(after(is, ms + 1)).toBeDefined();
  });

  it('become unknown, but for that of the network, which others report', () => {
    const is = node(condition('Ready'), condition('MemoryPressure', 'False'), condition('NetworkUnavailable', 'False'));

    expect(after(is, 60_000)).toMatchObject([
      {
        type: 'Ready',
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: '1970-01-01T00:01:00Z',
      },
      { type: 'MemoryPressure', status: 'Unknown', reason: 'NodeStatusUnknown' },
      { type: 'NetworkUnavailable', status: 'False' },
      { type: 'DiskPressure', status: 'Unknown', reason: 'NodeStatusNeverUpdated', message: 'Kubelet never posted node status.' },
      { type: 'PIDPressure', status: 'Unknown', reason: 'NodeStatusNeverUpdated' },
    ]);
  });

  it('are not written again', () => {
    const first = after(node(condition('Ready')), 60_000) ?? [];

    expect(after(node(...first), 120_000)).toBeUndefined();
  });
});
