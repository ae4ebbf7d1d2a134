import { ManualClock } from '@keelson/base/testing';
import { describe, expect, it } from 'vitest';
import { ApiProbe, deployment, DEPLOYMENTS, pod, PODS, type Loose } from '../../test-support/api-probe.ts';
import { startTestApiServer } from '../../testing.ts';

const failure = (caught: unknown): Loose => caught;
const SELECTOR = { matchLabels: { app: 'web' } };
const TERM = { topologyKey: 'zone', labelSelector: SELECTOR, matchLabelKeys: ['rev', 'none'], mismatchLabelKeys: ['tenant'] };
const SPREAD = {
  topologyKey: 'zone',
  maxSkew: 1,
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: SELECTOR,
  matchLabelKeys: ['rev'],
};
const SPEC = {
  affinity: {
    podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [TERM] },
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: TERM }] },
  },
  topologySpreadConstraints: [SPREAD],
};
const REV = { key: 'rev', operator: 'In', values: ['1'] };
const TENANT = { key: 'tenant', operator: 'NotIn', values: ['a'] };

async function setUp() {
  const api = await startTestApiServer({ clock: new ManualClock(Date.UTC(2026, 0, 1)) });
  return Object.assign(api, { probe: new ApiProbe(api.transport) });
}

describe('a new pod', () => {
  it('has the values of its own labels in the selectors of its affinity and its spread', async () => {
    await using api = await setUp();

    const { spec } = await api.probe.create(PODS, pod('a', SPEC, { labels: { rev: '1', tenant: 'a' } }));
    const again = await api.probe.merge(`${PODS}/a`, { metadata: { labels: { rev: '2' } } });

    const [near] = spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    const [far] = spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution;
    for (const term of [near, far.podAffinityTerm])
      expect(term.labelSelector).toEqual({ ...SELECTOR, matchExpressions: [REV, TENANT] });
    expect(spec.topologySpreadConstraints[0].labelSelector).toEqual({ ...SELECTOR, matchExpressions: [REV] });
    expect(again.spec).toEqual(spec);
  });

  it('waits for its gates from the beginning', async () => {
    await using api = await setUp();

    const { status } = await api.probe.create(PODS, pod('a', { schedulingGates: [{ name: 'example.com/a' }] }));

    expect(status.conditions).toEqual([
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ]);
  });

  it('is not made if it says a key twice', async () => {
    await using api = await setUp();
    const labels = { rev: '1' };
    const selector = (labelSelector: object) => ({ topologySpreadConstraints: [{ ...SPREAD, labelSelector }] });
    const both = { ...TERM, mismatchLabelKeys: ['rev'] };

    const refused = await Promise.all(
      [
        selector({ matchLabels: { rev: '1' } }),
        selector({ matchExpressions: [{ key: 'rev', operator: 'In', values: ['1'] }] }),
        { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [both] } } },
      ].map((spec, at) => api.probe.create(PODS, pod(`p${at}`, spec, { labels })).catch(failure)),
    );

    const inBoth = (where: string) => expect.stringContaining(`exists in both matchLabelKeys and ${where}`);
    expect(refused.map(({ message }) => message)).toEqual([
      inBoth('labelSelector'),
      inBoth('labelSelector'),
      inBoth('mismatchLabelKeys'),
    ]);
  });
});

it('leaves templates as they are', async () => {
  await using api = await setUp();
  const workload = deployment('a');
  Object.assign(workload.spec.template.spec, { topologySpreadConstraints: [SPREAD] });

  const { spec } = await api.probe.create(DEPLOYMENTS, workload);

  expect(spec.template.spec.topologySpreadConstraints[0].labelSelector).toEqual(SELECTOR);
});
