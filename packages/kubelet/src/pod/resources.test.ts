import { describe, expect, it } from 'vitest';
import type { Pod, ResourceRequirements } from '@keelson/api/core/v1';
import { cgroupParent, containerResources, qosClass } from './resources.ts';

function pod(...resources: ResourceRequirements[]): Pod {
  return { metadata: { uid: 'u' }, spec: { containers: resources.map((each, at) => ({ name: `c${at}`, resources: each })) } };
}

const PINNED = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1000m', memory: '1024Mi' } };
const GI = 1024 ** 3;

describe('qosClass', () => {
  it.each([
    { resources: [{}], want: 'BestEffort' },
    { resources: [{ requests: { cpu: '0' } }], want: 'BestEffort' },
    { resources: [PINNED], want: 'Guaranteed' },
    { resources: [{ limits: PINNED.limits }], want: 'Guaranteed' },
    { resources: [PINNED, {}], want: 'Burstable' },
    { resources: [{ requests: { memory: '1Mi' } }], want: 'Burstable' },
  ])('is $want for $resources', ({ resources, want }) => {
    expect(qosClass(pod(...resources))).toBe(want);
  });

  it('never changes once it is set', () => {
    expect(qosClass({ ...pod(PINNED), status: { qosClass: 'Burstable' } })).toBe('Burstable');
  });
});

describe('containerResources', () => {
  it.each([
    { resources: {}, want: { cpuShares: 2, oomScoreAdj: 1000 } },
    {
      resources: PINNED,
      want: { cpuShares: 1024, cpuQuotaUs: 100_000, cpuPeriodUs: 100_000, memoryLimitBytes: GI, oomScoreAdj: -997 },
    },
    { resources: { requests: { memory: '4Gi' } }, want: { cpuShares: 2, oomScoreAdj: 500 } },
    { resources: { requests: { memory: '8Gi' } }, want: { cpuShares: 2, oomScoreAdj: 3 } },
    { resources: { limits: { cpu: '5m' } }, want: { cpuShares: 5, cpuQuotaUs: 1000, cpuPeriodUs: 100_000, oomScoreAdj: 999 } },
  ])('turns $resources into cgroup figures', ({ resources, want }) => {
    const wanted = pod(resources);
    const [container = { name: '' }] = wanted.spec?.containers ?? [];

    expect(containerResources(wanted, container, 8 * GI)).toEqual(want);
  });

  it('puts each class under a cgroup of its own', () => {
    expect([pod({}), pod(PINNED), pod({ requests: { cpu: '1' } })].map(cgroupParent)).toEqual([
      'kubepods/besteffort/podu',
      'kubepods/podu',
      'kubepods/burstable/podu',
    ]);
  });
});
