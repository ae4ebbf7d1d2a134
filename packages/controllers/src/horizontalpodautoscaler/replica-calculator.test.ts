import { formatTime } from '@keelson/api';
import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import {
  replicasByAverage,
  replicasByRatio,
  replicasByShare,
  replicasByUtilization,
  type Situation,
} from './replica-calculator.ts';
import type { Samples } from './samples.ts';

const NOW_MS = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;

interface PodCase {
  /** Thousandths; absent if no metrics are there. */
  readonly use?: number;
  readonly ready?: boolean;
  readonly phase?: string;
  readonly ending?: true;
  /** How long ago it started, and its readiness last changed. */
  readonly startedMs?: number;
  readonly changedMs?: number;
}

function podOf(
  { ready = true, phase = 'Running', ending, startedMs = 60 * MINUTE, changedMs = 50 * MINUTE }: PodCase,
  at: number,
): Pod {
  return {
    metadata: { name: `p${at}`, ...(ending && { deletionTimestamp: formatTime(NOW_MS) }) },
    spec: { containers: [] },
    status: {
      phase,
      startTime: formatTime(NOW_MS - startedMs),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: formatTime(NOW_MS - changedMs) }],
    },
  };
}

function situationOf(pods: readonly PodCase[], currentReplicas = pods.length): Situation {
  return {
    pods: pods.map(podOf),
    currentReplicas,
    tolerance: { up: 0.1, down: 0.1 },
    readiness: { nowMs: NOW_MS, cpuInitializationMs: 5 * MINUTE, initialReadinessDelayMs: 30_000 },
  };
}

function samplesOf(pods: readonly PodCase[]): Samples {
  const known = pods.flatMap(({ use }, at) =>
    use === undefined ? [] : [[`p${at}`, { milli: use, atMs: NOW_MS, windowMs: 30_000 }] as const],
  );
  return new Map(known);
}

const uses = (...all: readonly number[]): PodCase[] => all.map((use) => ({ use }));
const NEW = { startedMs: MINUTE, changedMs: MINUTE } as const;

describe('replicas by utilization, where each pod asks for a core', () => {
  it.each<{ title: string; pods: PodCase[]; percent: number; want: number; utilization?: number; current?: number }>([
    { title: 'as many as the ratio says, rounded up', pods: uses(300, 500, 700), percent: 30, want: 5, utilization: 50 },
    { title: 'fewer if less is used', pods: uses(100, 300, 500, 250, 250), percent: 50, want: 3, utilization: 28 },
    { title: 'what there is, a little above the target', pods: uses(540, 540), percent: 50, want: 2 },
    { title: 'what there is, a little below the target', pods: uses(460, 460), percent: 50, want: 2 },
    { title: 'by pods that are there, not by those that are wanted', pods: uses(1000, 1000), current: 4, percent: 50, want: 4 },
    {
      title: 'less if some are still starting: they count as unused',
      pods: [{ use: 900, ready: false, ...NEW }, { use: 500 }, { use: 700 }],
      percent: 30,
      want: 4,
      utilization: 60,
    },
    {
      title: 'no more if those that are starting turn the direction',
      pods: [{ ready: false, use: 900, ...NEW }, { ready: false, use: 900, ...NEW }, { use: 400 }],
      percent: 30,
      want: 3,
    },
    { title: 'pending pods count as starting', pods: [{ phase: 'Pending' }, { use: 500 }, { use: 700 }], percent: 30, want: 4 },
    {
      title: 'starting pods count not at all when there are too many',
      pods: [{ use: 900, ready: false, ...NEW }, { use: 100 }, { use: 100 }],
      percent: 50,
      want: 1,
    },
    {
      title: 'pods without metrics count as fully used on the way down',
      pods: [{ use: 400 }, { use: 95 }, {}, {}],
      percent: 100,
      want: 3,
    },
    {
      title: 'and as more than that, if the target is higher',
      pods: [{ use: 100 }, {}],
      percent: 300,
      want: 2,
    },
    { title: 'pods without metrics count as unused on the way up', pods: [{ use: 1900 }, {}], percent: 100, want: 2 },
    {
      title: 'ending pods count not at all',
      pods: [{ use: 900, ending: true }, { use: 500 }, { use: 500 }],
      percent: 25,
      want: 4,
      current: 3,
    },
    {
      title: 'failed pods count not at all',
      pods: [{ use: 900, phase: 'Failed' }, { use: 500 }],
      percent: 25,
      want: 2,
      current: 1,
    },
    {
      title: 'a pod that lost its readiness long after its start counts',
      pods: [{ use: 500, ready: false, startedMs: 60 * MINUTE, changedMs: MINUTE }, { use: 500 }],
      percent: 25,
      want: 4,
    },
    {
      title: 'a pod that has never been ready does not',
      pods: [{ use: 500, ready: false, startedMs: 60 * MINUTE, changedMs: 60 * MINUTE }, { use: 500 }],
      percent: 25,
      want: 2,
    },
    {
      title: 'a new pod does not count before a whole window since it became ready',
      pods: [{ use: 1000, startedMs: MINUTE, changedMs: 20_000 }, { use: 500 }],
      percent: 25,
      want: 2,
    },
    {
      title: 'then it does',
      pods: [{ use: 500, startedMs: MINUTE, changedMs: 31_000 }, { use: 500 }],
      percent: 25,
      want: 4,
    },
  ])('$title', ({ pods, percent, want, utilization, current }) => {
    const requests = new Map(pods.map((_, at) => [`p${at}`, 1000]));

    const found = replicasByUtilization(samplesOf(pods), { resource: 'cpu', percent, requests }, situationOf(pods, current));

    expect(found.replicas).toBe(want);
    if (utilization !== undefined) expect(found.utilization).toBe(utilization);
  });

  it.each([
    { title: 'no pods', pods: [], why: 'no pods returned by selector while calculating replica count' },
    { title: 'no metrics', pods: [{}], why: 'did not receive metrics for targeted pods (pods might be unready)' },
    {
      title: 'nothing but starting pods',
      pods: [{ use: 1, ready: false, ...NEW }],
      why: 'did not receive metrics for targeted pods (pods might be unready)',
    },
  ])('cannot say anything with $title', ({ pods, why }) => {
    const target = { resource: 'cpu', percent: 50, requests: new Map([['p0', 1000]]) };

    expect(() => replicasByUtilization(samplesOf(pods), target, situationOf(pods))).toThrow(why);
  });

  it('judges memory whether pods are ready or not', () => {
    const pods = [{ use: 900, ready: false, ...NEW }, { use: 900 }];
    const requests = new Map([
      ['p0', 1000],
      ['p1', 1000],
    ]);

    const found = replicasByUtilization(samplesOf(pods), { resource: 'memory', percent: 30, requests }, situationOf(pods));

    expect(found).toEqual({ replicas: 6, utilization: 90, averageMilli: 900 });
  });
});

describe('replicas by the average of a metric', () => {
  it.each<{ pods: PodCase[]; target: number; want: number; averageMilli: number }>([
    { pods: uses(20_000, 10_000, 30_000), target: 15_000, want: 4, averageMilli: 20_000 },
    { pods: uses(12_000, 12_000, 12_000, 12_000, 12_000), target: 20_000, want: 3, averageMilli: 12_000 },
    { pods: [{ use: 50_000 }, {}], target: 25_000, want: 2, averageMilli: 50_000 },
    { pods: [{ use: 12_000 }, { use: 12_000 }, {}, {}], target: 24_000, want: 3, averageMilli: 12_000 },
  ])('of $pods to $target is $want', ({ pods, target, want, averageMilli }) => {
    const found = replicasByAverage(samplesOf(pods), { resource: '', milli: target }, situationOf(pods));

    expect(found).toEqual({ replicas: want, averageMilli });
  });
});

describe('replicas by a metric of the whole', () => {
  it.each([
    { ratio: 2, current: 3, ready: 3, want: 6 },
    { ratio: 2, current: 3, ready: 2, want: 4 },
    { ratio: 1.05, current: 3, ready: 2, want: 3 },
    { ratio: 0.2, current: 5, ready: 5, want: 1 },
    { ratio: 2.5, current: 0, ready: 0, want: 3 },
    { ratio: 0, current: 0, ready: 0, want: 0 },
  ])('of $ratio times the target with $current of $ready ready are $want', ({ ratio, current, ready, want }) => {
    expect(replicasByRatio(ratio, () => ready, situationOf([], current))).toBe(want);
  });

  it.each([
    { total: 8600, target: 2150, have: 3, want: { replicas: 4, averageMilli: 2867 } },
    { total: 6000, target: 2000, have: 3, want: { replicas: 3, averageMilli: 2000 } },
    { total: 100, target: 2000, have: 3, want: { replicas: 1, averageMilli: 34 } },
    { total: 5000, target: 2000, have: 0, want: { replicas: 3, averageMilli: 5000 } },
  ])('$total shared by $target among $have is $want', ({ total, target, have, want }) => {
    const share = { targetMilli: target, statusReplicas: have, tolerance: { up: 0.1, down: 0.1 } };

    expect(replicasByShare(total, share)).toEqual(want);
  });
});
