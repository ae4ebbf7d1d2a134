import { describe, expect, it } from 'vitest';
import type { Pod, ResourceRequirements } from '@keelson/api/core/v1';
import { cgroupParent, containerResources, oomScoreAdj, podResources, qosClass, widerOf } from './resources.ts';

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
    { resources: [{ limits: PINNED.limits }], want: 'Burstable' },
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

  it('lets a sidecar live as long as the main container that needs it', () => {
    const side = { name: 'side', restartPolicy: 'Always', resources: { requests: { memory: '1Gi' } } };
    const first = { name: 'first', resources: { requests: { memory: '1Gi' } } };
    const wanted: Pod = {
      spec: { initContainers: [side, first], containers: [{ name: 'web', resources: { requests: { memory: '4Gi' } } }] },
    };

    expect([side, first].map((container) => oomScoreAdj(wanted, container, 8 * GI))).toEqual([500, 875]);
  });

  it('shares what a pod asks for as a whole among its containers', () => {
    const wanted = pod({ requests: { memory: '1Gi' } }, {});
    const whole: Pod = { spec: { containers: [], ...wanted.spec, resources: { requests: { memory: '3Gi' } } } };

    expect(whole.spec?.containers.map((container) => oomScoreAdj(whole, container, 8 * GI))).toEqual([750, 875]);
  });

  it.each([
    {
      spec: pod(PINNED, PINNED).spec,
      want: { cpuShares: 2048, cpuQuotaUs: 200_000, cpuPeriodUs: 100_000, memoryLimitBytes: 2 * GI },
    },
    { spec: pod(PINNED, {}).spec, want: { cpuShares: 1024 } },
    { spec: pod({}).spec, want: { cpuShares: 2 } },
    {
      spec: {
        containers: [{ name: 'a' }],
        resources: { limits: { memory: '1Gi' }, requests: { cpu: '500m' } },
        overhead: { memory: '1Gi', cpu: '500m' },
      },
      want: { cpuShares: 1024, memoryLimitBytes: 2 * GI },
    },
  ])('limits a pod as a whole where all of it is limited: $want', ({ spec, want }) => {
    expect(podResources({ spec } as Pod)).toEqual(want);
  });

  it.each([
    {
      one: { cpuShares: 4, memoryLimitBytes: 7 },
      other: { cpuShares: 3, memoryLimitBytes: 9 },
      want: { cpuShares: 4, memoryLimitBytes: 9 },
    },
    { one: { cpuShares: 2, memoryLimitBytes: 7 }, other: { cpuShares: 3 }, want: { cpuShares: 3 } },
    {
      one: { cpuShares: 2, cpuQuotaUs: 5000, cpuPeriodUs: 100_000 },
      other: { cpuShares: 2, cpuQuotaUs: 4000, cpuPeriodUs: 100_000 },
      want: { cpuShares: 2, cpuQuotaUs: 5000, cpuPeriodUs: 100_000 },
    },
  ])('has room for both $one and $other', ({ one, other, want }) => {
    expect([widerOf(one, other), widerOf(other, one)]).toEqual([want, want]);
  });

  it('puts each class under a cgroup of its own', () => {
    expect([pod({}), pod(PINNED), pod({ requests: { cpu: '1' } })].map(cgroupParent)).toEqual([
      'kubepods/besteffort/podu',
      'kubepods/podu',
      'kubepods/burstable/podu',
    ]);
  });
});
