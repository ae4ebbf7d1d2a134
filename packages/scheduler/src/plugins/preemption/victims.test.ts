import type { Pod } from '@keelson/api/core/v1';
import type { PodDisruptionBudget } from '@keelson/api/policy/v1';
import { describe, expect, it } from 'vitest';
import { CycleState, type SchedulingFailure } from '../../framework.ts';
import { NodeInfo } from '../../node-info.ts';
import { nodeResourcesFit } from '../node-resources.ts';
import { bestCandidate } from './best-candidate.ts';
import { victimsOn, type Candidate } from './victims.ts';

const pod = (name: string, priority: number, cpu = '1', startTime = '2026-01-01T00:00:00Z'): Pod => ({
  metadata: { name, namespace: 'default', labels: { app: name } },
  spec: { priority, containers: [{ name: 'c', resources: { requests: { cpu } } }] },
  status: { startTime },
});

function nodeWith(cpu: string, pods: readonly Pod[]): NodeInfo {
  const node = new NodeInfo('n', { metadata: { name: 'n' }, status: { allocatable: { cpu, pods: '10' } } });
  for (const each of pods) node.addPod(each);
  return node;
}

function budget(app: string, disruptionsAllowed: number, disruptedPods = {}): PodDisruptionBudget {
  return {
    metadata: { name: app, namespace: 'default' },
    spec: { selector: { matchLabels: { app } } },
    status: { disruptionsAllowed, disruptedPods, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
  };
}

function victims(incoming: Pod, pods: readonly Pod[], budgets: readonly PodDisruptionBudget[] = [], cpu = '3'): unknown {
  const tryOn: SchedulingFailure['tryOn'] = (node) => nodeResourcesFit.filter(new CycleState(), incoming, node);
  const failure = { refusals: new Map(), snapshot: { nodes: [], node: () => undefined }, nominatedNode: undefined, tryOn };
  const found = victimsOn(incoming, nodeWith(cpu, pods), { failure, budgets });
  return typeof found === 'string' ? found : [found.victims.map(({ metadata }) => metadata?.name), found.violations];
}

describe('victims on a node', () => {
  const three = [pod('a', 1), pod('b', 2), pod('c', 3)];

  it.each<{ title: string; incoming: Pod; pods: readonly Pod[]; budgets?: PodDisruptionBudget[]; want: unknown }>([
    { title: 'the one that matters least', incoming: pod('x', 9), pods: three, want: [['a'], 0] },
    { title: 'as many as are needed', incoming: pod('x', 9, '2'), pods: three, want: [['b', 'a'], 0] },
    { title: 'only pods that matter less', incoming: pod('x', 3, '2'), pods: three, want: [['b', 'a'], 0] },
    {
      title: 'none of the same priority',
      incoming: pod('x', 1),
      pods: three,
      want: 'No preemption victims found for incoming pod',
    },
    { title: 'none in vain', incoming: pod('x', 2, '2'), pods: three, want: 'Insufficient cpu' },
    {
      title: 'a large one instead of two that matter more',
      incoming: pod('x', 9, '2'),
      pods: [pod('big', 1, '2'), pod('c', 3)],
      want: [['big'], 0],
    },
    {
      title: 'the youngest of equals',
      incoming: pod('x', 9),
      pods: [pod('new', 1, '1', '2026-01-02T00:00:00Z'), pod('old', 1), pod('c', 3)],
      want: [['new'], 0],
    },
    { title: 'rather one that no budget keeps', incoming: pod('x', 9), pods: three, budgets: [budget('a', 0)], want: [['b'], 0] },
    { title: 'one that a budget lets go', incoming: pod('x', 9), pods: three, budgets: [budget('a', 1)], want: [['a'], 0] },
    {
      title: 'one whose end its budget has counted',
      incoming: pod('x', 9),
      pods: three,
      budgets: [budget('a', 0, { a: '2026-01-01T00:00:00Z' })],
      want: [['a'], 0],
    },
    {
      title: 'one against its budget, if there is no other',
      incoming: pod('x', 9),
      pods: three,
      budgets: [budget('a', 0), budget('b', 0), budget('c', 0)],
      want: [['a'], 1],
    },
  ])('are $title', ({ incoming, pods, budgets, want }) => {
    expect(victims(incoming, pods, budgets)).toEqual(want);
  });
});

describe('the best of several nodes', () => {
  const candidate = (nodeName: string, pods: readonly Pod[], violations = 0): Candidate => ({
    nodeName,
    victims: pods,
    violations,
  });

  it.each<{ title: string; candidates: Candidate[] }>([
    {
      title: 'breaks the fewest budgets',
      candidates: [candidate('bad', [pod('a', 1)], 1), candidate('good', [pod('a', 9), pod('b', 8)])],
    },
    {
      title: 'has the least important first victim',
      candidates: [candidate('bad', [pod('a', 5)]), candidate('good', [pod('a', 4), pod('b', 4)])],
    },
    {
      title: 'has the least sum of priorities',
      candidates: [candidate('bad', [pod('a', 5), pod('b', 4)]), candidate('good', [pod('a', 5), pod('b', 3)])],
    },
    {
      title: 'has the fewest victims, also below zero',
      candidates: [candidate('bad', [pod('a', -1), pod('b', -5)]), candidate('good', [pod('a', -1)])],
    },
    {
      title: 'has the youngest victims',
      candidates: [candidate('bad', [pod('a', 1)]), candidate('good', [pod('a', 1, '1', '2026-01-02T00:00:00Z')])],
    },
  ])('$title', ({ candidates }) => {
    expect(bestCandidate(candidates)?.nodeName).toBe('good');
    expect(bestCandidate(candidates.toReversed())?.nodeName).toBe('good');
  });

  it('is none of none', () => {
    expect(bestCandidate([])).toBeUndefined();
  });
});
