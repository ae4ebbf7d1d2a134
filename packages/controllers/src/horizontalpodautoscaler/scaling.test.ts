import type { HorizontalPodAutoscalerSpec, HPAScalingRules } from '@keelson/api/autoscaling/v2';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ScalingHistory } from './scaling-history.ts';
import { downLimit, upLimit, type Past } from './scaling-rules.ts';
import { withinLimits } from './within-limits.ts';

const NOW_MS = 1_000_000;
const NONE: Past = { ups: [], downs: [], nowMs: NOW_MS };
const ago = (seconds: number, change: number) => ({ atMs: NOW_MS - seconds * 1000, change });
const pods = (value: number, periodSeconds = 60) => ({ type: 'Pods', value, periodSeconds });
const percent = (value: number, periodSeconds = 60) => ({ type: 'Percent', value, periodSeconds });
const specOf = (behavior?: HorizontalPodAutoscalerSpec['behavior'], more: object = {}): HorizontalPodAutoscalerSpec => ({
  scaleTargetRef: { kind: 'Deployment', name: 'web' },
  minReplicas: 1,
  maxReplicas: 100,
  ...(behavior && { behavior }),
  ...more,
});

describe('rules of scaling', () => {
  it.each<{ title: string; current: number; rules: HPAScalingRules; past?: Partial<Past>; up: number; down: number }>([
    { title: 'add or take pods', current: 10, rules: { policies: [pods(4)] }, up: 14, down: 6 },
    { title: 'add or take percents', current: 10, rules: { policies: [percent(50)] }, up: 15, down: 5 },
    { title: 'round in favour of change', current: 5, rules: { policies: [percent(10)] }, up: 6, down: 4 },
    { title: 'take the larger change', current: 10, rules: { policies: [pods(4), percent(100)] }, up: 20, down: 0 },
    {
      title: 'take the smaller change',
      current: 10,
      rules: { policies: [pods(4), percent(100)], selectPolicy: 'Min' },
      up: 14,
      down: 6,
    },
    { title: 'forbid', current: 10, rules: { policies: [pods(4)], selectPolicy: 'Disabled' }, up: 10, down: 10 },
    {
      title: 'count what was added in the period',
      current: 12,
      rules: { policies: [pods(4)] },
      past: { ups: [ago(30, 2)] },
      up: 14,
      down: 6,
    },
    {
      title: 'forget what was added before',
      current: 12,
      rules: { policies: [pods(4)] },
      past: { ups: [ago(60, 2)] },
      up: 16,
      down: 8,
    },
    {
      title: 'count what was taken in the period',
      current: 8,
      rules: { policies: [pods(4)] },
      past: { downs: [ago(30, 2)] },
      up: 14,
      down: 6,
    },
    {
      title: 'never ask for the contrary',
      current: 20,
      rules: { policies: [pods(4)] },
      past: { ups: [ago(1, 15)] },
      up: 20,
      down: 1,
    },
  ])('$title', ({ current, rules, past, up, down }) => {
    expect(upLimit(current, rules, { ...NONE, ...past })).toBe(up);
    expect(downLimit(current, rules, { ...NONE, ...past })).toBe(down);
  });
});

describe('what is wanted, within limits', () => {
  const up = { scaleUp: { policies: [pods(4)] }, scaleDown: { policies: [pods(2)] } };

  it.each([
    {
      title: 'without behaviour, at most twice as many',
      desired: 50,
      current: 10,
      behavior: undefined,
      want: [20, 'ScaleUpLimit'],
    },
    { title: 'or four', desired: 50, current: 1, behavior: undefined, want: [4, 'ScaleUpLimit'] },
    { title: 'at most the maximum', desired: 500, current: 90, behavior: undefined, want: [100, 'TooManyReplicas'] },
    { title: 'at least the minimum', desired: 0, current: 5, behavior: undefined, want: [1, 'TooFewReplicas'] },
    { title: 'as wanted', desired: 3, current: 5, behavior: undefined, want: [3, 'DesiredWithinRange'] },
    { title: 'by rules upwards', desired: 50, current: 10, behavior: up, want: [14, 'ScaleUpLimit'] },
    { title: 'by rules downwards', desired: 1, current: 10, behavior: up, want: [8, 'ScaleDownLimit'] },
    { title: 'by rules, within the minimum', desired: 0, current: 2, behavior: up, want: [1, 'TooFewReplicas'] },
    { title: 'by rules, within the maximum', desired: 200, current: 98, behavior: up, want: [100, 'TooManyReplicas'] },
    { title: 'by rules, as wanted', desired: 11, current: 10, behavior: up, want: [11, 'DesiredWithinRange'] },
  ])('$title', ({ desired, current, behavior, want }) => {
    const { replicas, reason } = withinLimits(desired, current, { spec: specOf(behavior), past: NONE });

    expect([replicas, reason]).toEqual(want);
  });

  it('never leaves the range, nor turns the direction', () => {
    const rules = fc.record({
      policies: fc.array(
        fc.record({
          type: fc.constantFrom('Pods', 'Percent'),
          value: fc.integer({ min: 1, max: 200 }),
          periodSeconds: fc.integer({ min: 1, max: 1800 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      selectPolicy: fc.constantFrom('Min', 'Max', 'Disabled'),
    });
    const events = fc.array(fc.record({ atMs: fc.integer({ min: 0, max: NOW_MS }), change: fc.nat(50) }), { maxLength: 5 });
    fc.assert(
      fc.property(
        rules,
        rules,
        events,
        events,
        fc.integer({ min: 1, max: 100 }),
        fc.nat(300),
        (scaleUp, scaleDown, ups, downs, current, desired) => {
          const past = { ups, downs, nowMs: NOW_MS };
          const { replicas } = withinLimits(desired, current, { spec: specOf({ scaleUp, scaleDown }), past });
          expect(replicas).toBeGreaterThanOrEqual(Math.min(current, desired, 1));
          expect(replicas).toBeGreaterThanOrEqual(1);
          expect(replicas).toBeLessThanOrEqual(100);
          expect(replicas >= current).toBe(Math.max(1, desired) >= current || replicas === current);
        },
      ),
    );
  });
});

describe('ScalingHistory', () => {
  /** What is done about recommendations of `[seconds, replicas]`, with 5 pods at first. */
  function followed(
    behavior: HorizontalPodAutoscalerSpec['behavior'],
    recommended: readonly (readonly [number, number])[],
  ): number[] {
    const history = new ScalingHistory();
    let current = 5;
    history.begin(current, 0);
    return recommended.map(([seconds, replicas]) => {
      current = history.stabilize(replicas, current, { spec: specOf(behavior), nowMs: seconds * 1000 }).replicas;
      return current;
    });
  }

  it.each([
    {
      title: 'goes down to the highest of five minutes, and up at once',
      behavior: undefined,
      recommended: [
        [15, 2],
        [30, 7],
        [45, 2],
        [299, 2],
        [329, 2],
        [331, 2],
      ],
      want: [5, 7, 7, 7, 7, 2],
    },
    {
      title: 'does the same by a behaviour that says nothing else',
      behavior: { scaleUp: { stabilizationWindowSeconds: 0 }, scaleDown: {} },
      recommended: [
        [15, 2],
        [30, 7],
        [45, 2],
        [329, 2],
        [331, 2],
      ],
      want: [5, 7, 7, 7, 2],
    },
    {
      title: 'goes up to the lowest of its window',
      behavior: { scaleUp: { stabilizationWindowSeconds: 60 }, scaleDown: { stabilizationWindowSeconds: 0 } },
      recommended: [
        [15, 9],
        [30, 8],
        [59, 9],
        [61, 9],
        [91, 9],
      ],
      want: [5, 5, 5, 8, 9],
    },
    {
      title: 'goes down at once if told to',
      behavior: { scaleUp: { stabilizationWindowSeconds: 0 }, scaleDown: { stabilizationWindowSeconds: 0 } },
      recommended: [
        [15, 2],
        [30, 7],
      ],
      want: [2, 7],
    },
  ] as const)('$title', ({ behavior, recommended, want }) => {
    expect(followed(behavior, recommended)).toEqual(want);
  });

  it('says why it does something else than was recommended', () => {
    const history = new ScalingHistory();
    history.begin(5, 0);
    const spec = specOf({ scaleUp: { stabilizationWindowSeconds: 60 }, scaleDown: {} });

    expect(history.stabilize(9, 5, { spec, nowMs: 1000 })).toEqual({ replicas: 5, reason: 'ScaleUpStabilized' });
    expect(history.stabilize(2, 5, { spec, nowMs: 2000 })).toEqual({ replicas: 5, reason: 'ScaleDownStabilized' });
    expect(history.stabilize(5, 5, { spec, nowMs: 3000 })).toEqual({ replicas: 5, reason: 'ReadyForNewScale' });
  });
});
