import { formatTime } from '@keelson/api';
import type { StatefulSet, StatefulSetSpec } from '@keelson/api/apps/v1';
import type { Pod } from '@keelson/api/core/v1';
import { describe, expect, it } from 'vitest';
import { planPods, type PodAction } from './pod-plan.ts';

const NOW_MS = Date.UTC(2026, 0, 1);

type State = 'ready' | 'old' | 'pending' | 'broken' | 'terminating' | 'failed' | 'done' | 'young' | 'oldBroken';

function setOf(spec: Partial<StatefulSetSpec>): StatefulSet {
  const selector = { matchLabels: { app: 'web' } };
  const updateStrategy = { type: 'RollingUpdate', rollingUpdate: { partition: 0 } };
  const template = { spec: { containers: [] } };
  return {
    metadata: { name: 'web', uid: 'web' },
    spec: { podManagementPolicy: 'OrderedReady', replicas: 3, selector, template, updateStrategy, ...spec },
  };
}

function podOf(ordinal: number, state: State): Pod {
  const isReady = ['ready', 'old', 'young', 'terminating'].includes(state);
  const sinceMs = state === 'young' ? 1_000 : 3_600_000;
  const phase = { failed: 'Failed', done: 'Succeeded', pending: 'Pending' }[state as string] ?? 'Running';
  return {
    metadata: {
      name: `web-${ordinal}`,
      labels: { 'controller-revision-hash': state.startsWith('old') ? 'v1' : 'v2' },
      ...(state === 'terminating' && { deletionTimestamp: formatTime(NOW_MS) }),
    },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime: formatTime(NOW_MS - sinceMs) }],
    },
  };
}

function textOf(action: PodAction): string {
  return action.type === 'create' ? `create ${action.ordinal}` : `${action.type} ${action.pod.metadata?.name?.slice(4)}`;
}

/** What is done, without what only keeps pods as they are. */
function plan(spec: Partial<StatefulSetSpec>, pods: Readonly<Record<number, State>>): readonly string[] {
  const list = Object.entries(pods).map(([ordinal, state]) => podOf(Number(ordinal), state));
  const actions = planPods(setOf(spec), { pods: list, updateRevision: 'v2', nowMs: NOW_MS });
  return actions.filter(({ type }) => type !== 'keep').map(textOf);
}

interface Case {
  readonly title: string;
  readonly spec?: Partial<StatefulSetSpec>;
  readonly pods: Readonly<Record<number, State>>;
  readonly want: readonly string[];
}

const rolling = (rollingUpdate: object): Partial<StatefulSetSpec> => ({
  updateStrategy: { type: 'RollingUpdate', rollingUpdate },
});
const PARALLEL = { podManagementPolicy: 'Parallel' };

describe('planPods in order', () => {
  it.each<Case>([
    { title: 'makes the first pod alone', pods: {}, want: ['create 0'] },
    { title: 'makes none before the one below is ready', pods: { 0: 'pending' }, want: [] },
    { title: 'makes the next when the one below is ready', pods: { 0: 'ready' }, want: ['create 1'] },
    { title: 'waits until one has been ready for long enough', spec: { minReadySeconds: 5 }, pods: { 0: 'young' }, want: [] },
    { title: 'waits for one that is terminating', pods: { 0: 'terminating', 1: 'ready', 2: 'ready' }, want: [] },
    { title: 'replaces one that has failed', pods: { 0: 'ready', 1: 'failed', 2: 'ready' }, want: ['delete 1'] },
    { title: 'replaces one that has succeeded, too', pods: { 0: 'done', 1: 'ready', 2: 'ready' }, want: ['delete 0'] },
    { title: 'fills a gap before anything else', pods: { 0: 'ready', 2: 'ready', 3: 'ready' }, want: ['create 1'] },
    { title: 'begins at the first ordinal', spec: { ordinals: { start: 5 } }, pods: { 5: 'ready' }, want: ['create 6'] },
    {
      title: 'retires what is below the first ordinal',
      spec: { ordinals: { start: 1 } },
      pods: { 0: 'ready', 1: 'ready', 2: 'ready', 3: 'ready' },
      want: ['retire 0'],
    },
    {
      title: 'retires one pod, the highest',
      spec: { replicas: 1 },
      pods: { 0: 'ready', 1: 'ready', 2: 'ready' },
      want: ['retire 2'],
    },
    {
      title: 'retires none while one above is terminating',
      spec: { replicas: 1 },
      pods: { 0: 'ready', 1: 'ready', 2: 'terminating' },
      want: [],
    },
    {
      title: 'retires none while one that is wanted is not ready',
      spec: { replicas: 1 },
      pods: { 0: 'broken', 1: 'ready', 2: 'ready' },
      want: [],
    },
    {
      title: 'retires an unhealthy pod if it is the only one',
      spec: { replicas: 1 },
      pods: { 0: 'ready', 1: 'ready', 2: 'broken' },
      want: ['retire 2'],
    },
    {
      title: 'holds an unhealthy pod while a lower one is unhealthy',
      spec: { replicas: 1 },
      pods: { 0: 'ready', 1: 'broken', 2: 'broken' },
      want: [],
    },
    { title: 'updates the highest first', pods: { 0: 'old', 1: 'old', 2: 'old' }, want: ['delete 2'] },
    { title: 'updates none while one is on its way', pods: { 0: 'old', 1: 'old', 2: 'pending' }, want: [] },
    { title: 'updates the next when that is ready', pods: { 0: 'old', 1: 'old', 2: 'ready' }, want: ['delete 1'] },
    {
      title: 'scales down before it updates',
      spec: { replicas: 2 },
      pods: { 0: 'old', 1: 'old', 2: 'old' },
      want: ['retire 2'],
    },
    {
      title: 'leaves what is below the partition',
      spec: rolling({ partition: 2 }),
      pods: { 0: 'old', 1: 'old', 2: 'ready' },
      want: [],
    },
    {
      title: 'counts the partition from the first ordinal',
      spec: { ...rolling({ partition: 2 }), ordinals: { start: 10 } },
      pods: { 10: 'old', 11: 'old', 12: 'old' },
      want: ['delete 12'],
    },
    {
      title: 'updates as many at a time as may be missing',
      spec: rolling({ partition: 0, maxUnavailable: 2 }),
      pods: { 0: 'old', 1: 'old', 2: 'old' },
      want: ['delete 2', 'delete 1'],
    },
    {
      title: 'updates at least one, however small the share',
      spec: rolling({ partition: 0, maxUnavailable: '10%' }),
      pods: { 0: 'old', 1: 'old', 2: 'old' },
      want: ['delete 2'],
    },
    {
      title: 'updates nothing by itself on delete',
      spec: { updateStrategy: { type: 'OnDelete' } },
      pods: { 0: 'old', 1: 'old', 2: 'old' },
      want: [],
    },
    // Known from Kubernetes: a broken pod of an old revision has to be deleted by hand.
    { title: 'does not mend what never became ready', pods: { 0: 'ready', 1: 'oldBroken', 2: 'old' }, want: [] },
  ])('$title', ({ spec = {}, pods, want }) => {
    expect(plan(spec, pods)).toEqual(want);
  });
});

describe('planPods in parallel', () => {
  it.each<Case>([
    { title: 'makes all that are missing', pods: { 1: 'pending' }, want: ['create 0', 'create 2'] },
    {
      title: 'retires all that are too many, whatever their state',
      spec: { replicas: 1 },
      pods: { 0: 'broken', 1: 'ready', 2: 'broken', 3: 'terminating' },
      want: ['retire 2', 'retire 1'],
    },
    { title: 'still updates no more than may be missing', pods: { 0: 'old', 1: 'old', 2: 'old' }, want: ['delete 2'] },
    { title: 'updates none while one is missing', pods: { 0: 'old', 1: 'old', 2: 'terminating' }, want: [] },
    { title: 'updates at once what is broken anyway', pods: { 0: 'oldBroken', 1: 'old', 2: 'oldBroken' }, want: ['delete 2'] },
  ])('$title', ({ spec = {}, pods, want }) => {
    expect(plan({ ...PARALLEL, ...spec }, pods)).toEqual(want);
  });
});
